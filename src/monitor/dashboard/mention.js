// @ts-check
/// <reference lib="dom" />
/** @file Texts that name servers, with links to them. */

import { element } from "./elements.js";
import { linkTo } from "./route.js";

/**
 * Splits a text at the first mention of each name.
 *
 * @param {string} text
 * @param {readonly string[]} names
 * @returns {{ text: string, isName: boolean }[]}
 */
export function mentions(text, names) {
  const parts = [];
  let from = 0;
  const wanted = new Set(names);
  while (wanted.size > 0) {
    let at = Infinity;
    let found = "";
    for (const name of wanted) {
      const index = name === "" ? -1 : text.indexOf(name, from);
      // The longer of two names that begin at the same place: `gpu-1` is also in `gpu-10`.
      if (index !== -1 && (index < at || index === at && name.length > found.length)) {
        at = index;
        found = name;
      }
    }
    if (found === "") break;
    if (at > from) parts.push({ text: text.slice(from, at), isName: false });
    parts.push({ text: found, isName: true });
    wanted.delete(found);
    from = at + found.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), isName: false });
  return parts;
}

/** @typedef {(name: string) => string | undefined} UrlOf returns the URL of a server */

/**
 * Returns a link to the server with this name; plain text if there is none any more.
 *
 * @param {string} name
 * @param {UrlOf} urlOf
 */
export function serverLink(name, urlOf) {
  const url = urlOf(name);
  if (url === undefined) return element("span", "", name);
  const link = element("a", "", name);
  link.href = linkTo(url);
  return link;
}

/**
 * @param {string} text
 * @param {readonly string[]} names
 * @param {UrlOf} urlOf
 * @returns {(Node | string)[]}
 */
export const withLinks = (text, names, urlOf) =>
  mentions(text, names).map(({ text, isName }) => isName ? serverLink(text, urlOf) : text);
