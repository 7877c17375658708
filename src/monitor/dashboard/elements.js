// @ts-check
/// <reference lib="dom" />
/** @file Builds and fills elements; text is only ever set as text, never as HTML. */

/**
 * Creates an element with a class and with children or text.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/**
 * Returns the page's element with this id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}"`);
  return found;
}

/**
 * Sets a text only if it changed, to avoid needless layout and announcements.
 *
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Sets an attribute or, with `null`, removes it, only if it changed.
 *
 * @param {Element} target
 * @param {string} name
 * @param {string | null} value
 */
export function setAttribute(target, name, value) {
  if (target.getAttribute(name) === value) return;
  if (value === null) target.removeAttribute(name);
  else target.setAttribute(name, value);
}

/**
 * Creates a decorative bar; the number next to it has the same information.
 *
 * @returns {HTMLElement}
 */
export function bar() {
  const track = element("span", "track");
  track.setAttribute("aria-hidden", "true");
  return track;
}

/**
 * Shows a share in a bar; 1 and above fill it.
 *
 * @param {HTMLElement} track
 * @param {number | null} share
 * @param {string} tone
 */
export function fillBar(track, share, tone) {
  const size = `${Math.min(100, Math.max(0, (share ?? 0) * 100)).toFixed(0)}% 100%`;
  // A background: a large table updates hundreds of them, and it needs neither layout nor layers.
  if (track.style.backgroundSize !== size) track.style.backgroundSize = size;
  setAttribute(track, "data-tone", tone);
}

/**
 * Replaces the children by these, unless they are already in place. The focus stays.
 *
 * @param {HTMLElement} parent
 * @param {readonly HTMLElement[]} children
 */
export function arrange(parent, children) {
  if (
    children.length === parent.children.length &&
    children.every((child, i) => parent.children[i] === child)
  ) {
    return;
  }
  const focused = document.activeElement;
  parent.replaceChildren(...children);
  if (focused instanceof HTMLElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/**
 * Returns a function that shows items: each keeps its element, so that focus and selection stay.
 *
 * @template Item
 * @param {HTMLElement} parent
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => { readonly line: HTMLElement, readonly update?: (item: Item) => void }} create
 * @returns {(items: readonly Item[]) => void}
 */
export function keyed(parent, keyOf, create) {
  /** @type {Map<string, ReturnType<typeof create>>} */
  let rows = new Map();
  return (items) => {
    /** @type {typeof rows} */
    const now = new Map();
    for (const item of items) {
      let key = keyOf(item);
      while (now.has(key)) key += " ";
      const row = rows.get(key) ?? create(item);
      row.update?.(item);
      now.set(key, row);
    }
    rows = now;
    arrange(parent, [...now.values()].map(({ line }) => line));
  };
}
