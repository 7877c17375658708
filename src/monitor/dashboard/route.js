// @ts-check
/// <reference lib="dom" />
/** @file The server that is open, in the page's address: it can be shared, and Back closes it. */

const PREFIX = "#server=";
/** @type {Set<() => void>} */
const watchers = new Set();

/**
 * Returns the link that opens a server.
 *
 * @param {string} url the server's
 */
export const linkTo = (url) => PREFIX + encodeURI(url);

/** Returns the URL of the open server, if any. */
export function openUrl() {
  if (!location.hash.startsWith(PREFIX)) return undefined;
  try {
    return decodeURIComponent(location.hash.slice(PREFIX.length));
  } catch {
    // Not one of the page's own links.
    return undefined;
  }
}

/** Closes the open server. */
export function close() {
  history.pushState(null, "", location.pathname + location.search);
  tell();
}

/**
 * Calls back each time another server is opened, or the open one closed.
 *
 * @param {() => void} onChange
 */
export function watchRoute(onChange) {
  watchers.add(onChange);
}

function tell() {
  for (const watcher of watchers) watcher();
}
addEventListener("hashchange", tell);
addEventListener("popstate", tell);
