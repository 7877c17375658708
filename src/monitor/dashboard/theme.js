// @ts-check
/// <reference lib="dom" />
/** @file Light, dark, or what the system says; remembered by the browser. */

const KEY = "vllm-router-theme";
const CHOICES = ["auto", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");
/** @type {Set<() => void>} */
const watchers = new Set();

let choice = remembered();

function remembered() {
  try {
    const kept = localStorage.getItem(KEY) ?? "";
    return CHOICES.includes(kept) ? kept : "auto";
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
    return "auto";
  }
}

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
 * Makes a button go through the choices.
 *
 * @param {HTMLElement} button
 */
export function themeButton(button) {
  const show = () => button.textContent = `Theme: ${choice}`;
  button.addEventListener("click", () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? "auto";
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // As above.
    }
    show();
    apply();
  });
  show();
}

/**
 * A colour of the style sheet as it is now, by the name of its custom property. A canvas knows
 * neither `var()` nor `light-dark()`, so the browser is asked what they come to.
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
