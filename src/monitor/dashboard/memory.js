// @ts-check
/// <reference lib="dom" />
/** @file The reader's choices, kept in the browser. */

const PREFIX = "vllm-router-";

/**
 * Returns what was kept under this name; `""` if nothing was.
 *
 * @param {string} name
 */
export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? "";
  } catch {
    // Storage is not allowed: a choice lasts as long as the page.
    return "";
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // As above.
  }
}
