// @ts-check
/// <reference lib="dom" />
/** @file Which rows of a long table to update: those in the window at once, others in turn. */

/** Views until each row out of sight has had its turn. */
const ROUND = 10;
/** Rows this close to the window count as in it. */
const MARGIN = "200px";

/**
 * Hundreds of rows with a dozen values each are too many to draw twice a second.
 *
 * @param {() => void} onEnter rows came into sight
 */
export function createTurns(onEnter) {
  /** @type {WeakSet<Element>} */
  const inSight = new WeakSet();
  const observer = new IntersectionObserver((entries) => {
    let isNew = false;
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) inSight.delete(target);
      else {
        inSight.add(target);
        isNew = true;
      }
    }
    if (isNew) onEnter();
  }, { rootMargin: MARGIN });
  let turn = 0;
  return {
    /** Begins the next view. */
    next: () => void turn++,
    /** @param {Element} line a new row */
    watch: (line) => observer.observe(line),
    /** @param {Element} line a row that is gone */
    unwatch: (line) => observer.unobserve(line),
    /**
     * @param {Element} line
     * @param {number} index of the row
     */
    isDue: (line, index) => inSight.has(line) || (turn + index) % ROUND === 0,
  };
}
