// @ts-check
/// <reference lib="dom" />
/** @file The connection to the router: receives views and detects when they stop. */

/** @import { View } from "../view.ts" */

/** The router sends two views a second. After this time without one, the connection is lost. */
const SILENCE_MS = 3000;
/** Interval between two checks for silence. */
const LOOK_MS = 500;
/** Delay before reconnecting after an error answer; otherwise the browser reconnects by itself. */
const RETRY_MS = 1000;

/**
 * Follows the router for the lifetime of the page.
 *
 * @param {object} hears
 * @param {() => void} hears.onOpen called on each new connection
 * @param {(view: View) => void} hears.onView called on each view
 * @param {(silentMs: number | undefined) => void} hears.onLine called twice a second with the
 *   time since the last view, or `undefined` while the connection works
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
