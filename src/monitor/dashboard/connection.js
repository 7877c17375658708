// @ts-check
/// <reference lib="dom" />
/** @file The line to the router: views as they come, and whether they still come. */

/** @import { View } from "../view.ts" */

/** The router sends two views a second; after so long without one the line counts as lost. */
const SILENCE_MS = 3000;
/** Between two looks at the silence. */
const LOOK_MS = 500;
/** The browser reconnects by itself unless the answer was an error; then it is our turn. */
const RETRY_MS = 1000;

/**
 * Follows the router for as long as the page lives.
 *
 * @param {object} hears
 * @param {() => void} hears.onOpen at each new connection
 * @param {(view: View) => void} hears.onView at each view
 * @param {(silentMs: number | undefined) => void} hears.onLine twice a second: how long nothing
 *   was heard, `undefined` while all is well
 */
export function follow({ onOpen, onView, onLine }) {
  let heardAt = performance.now();
  let isOpen = false;

  function connect() {
    const source = new EventSource("/dashboard/events");
    source.onopen = () => {
      isOpen = true;
      onOpen();
    };
    source.onmessage = ({ data }) => {
      heardAt = performance.now();
      onView(JSON.parse(data));
      look();
    };
    source.onerror = () => {
      isOpen = false;
      look();
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
    };
  }
  function look() {
    const silentMs = performance.now() - heardAt;
    onLine(isOpen && silentMs < SILENCE_MS ? undefined : silentMs);
  }
  connect();
  setInterval(look, LOOK_MS);
}
