// @ts-check
/// <reference lib="dom" />
/** @file Theme: light, dark or the system setting; stored in the browser. */

import { keep, recall } from "./memory.js";

const KEY = "theme";
const CHOICES = ["auto", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");
/** @type {Set<() => void>} */
const watchers = new Set();

let choice = CHOICES.find((name) => name === recall(KEY)) ?? "auto";

function apply() {
  document.documentElement.dataset.theme = choice;
  for (const watcher of watchers) watcher();
}
apply();
system.addEventListener("change", apply);

/**
 * Calls back after each change of colours.
 *
 * @param {() => void} onChange
 */
export function watchTheme(onChange) {
  watchers.add(onChange);
}

/**
 * Makes a button cycle through the choices.
 *
 * @param {HTMLElement} button
 */
export function themeButton(button) {
  const show = () => button.textContent = `Theme: ${choice}`;
  button.addEventListener("click", () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? "auto";
    keep(KEY, choice);
    show();
    apply();
  });
  show();
}

/**
 * Returns the current value of a style sheet colour by the name of its custom property. A canvas
 * supports neither `var()` nor `light-dark()`, so the browser resolves them.
 *
 * @param {string} name
 */
export function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
const probe = document.createElement("span");
probe.hidden = true;
document.documentElement.append(probe);
