// @ts-check
/// <reference lib="dom" />
/** @file Buttons that copy a text. */

import { element, setText } from "./elements.js";

/** How long a button tells that it has copied. */
const TOLD_MS = 1500;

/**
 * Makes a button copy a text, and tell whether that worked.
 *
 * @param {HTMLElement} button
 * @param {() => string} text
 */
export function copyOnClick(button, text) {
  const label = button.textContent ?? "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  button.addEventListener("click", async () => {
    setText(button, await copy(text()) ? "Copied" : "Failed");
    clearTimeout(timer);
    timer = setTimeout(() => setText(button, label), TOLD_MS);
  });
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it was copied
 */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers have no `clipboard` in pages over plain HTTP, except from the same machine.
    return copySelected(text);
  }
}

/** @param {string} text */
function copySelected(text) {
  const focused = document.activeElement;
  const box = element("textarea", "unseen");
  box.value = text;
  document.body.append(box);
  box.select();
  const isCopied = document.execCommand("copy");
  box.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return isCopied;
}
