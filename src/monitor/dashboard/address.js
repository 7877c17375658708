// @ts-check
/** @file Where clients reach the router, as seen from this browser, and a request to try. */

/** @import { View } from "../view.ts" */

/** @typedef {Pick<Location, "origin" | "hostname">} Place of the page */

/**
 * Returns the base URL for clients. The router knows only the address that it listens on, such as
 * `0.0.0.0`; the browser knows one that works, unless the dashboard has an address of its own.
 *
 * @param {Pick<View, "address" | "isAdminElsewhere">} view
 * @param {Place} place
 */
export function baseUrl({ address, isAdminElsewhere }, { origin, hostname }) {
  if (!isAdminElsewhere) return `${origin}/v1`;
  const base = new URL(address);
  const isAnyAddress = base.hostname === "0.0.0.0" || base.hostname === "[::]";
  if (isAnyAddress) base.hostname = hostname;
  return `${base.origin}/v1`;
}

/**
 * Returns a command that asks a healthy model.
 *
 * @param {Pick<View, "models" | "keys">} view
 * @param {string} base URL for clients
 */
export function curlCommand({ models, keys }, base) {
  const model = models.find(({ healthy }) => healthy > 0) ?? models[0];
  const body = JSON.stringify({
    model: model?.name ?? "MODEL",
    messages: [{ role: "user", content: "Hello" }],
  });
  return [
    `curl ${base}/chat/completions`,
    `-H "Content-Type: application/json"`,
    ...(keys.length > 0 ? [`-H "Authorization: Bearer $KEY"`] : []),
    `-d '${quoted(body)}'`,
  ].join(" \\\n  ");
}

/**
 * Writes JSON for between single quotes of a shell. A name from outside can't end the quotes or
 * hide characters: all but printable ASCII is escaped.
 *
 * @param {string} json
 */
function quoted(json) {
  return json.replace(
    /[^\x20-\x7e]|'/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
