import { Callbacks } from "../util/callbacks.ts";
import type { Departure } from "./exchange.ts";

/** Creates the departure of a client that is still there. `leave` may be called more than once. */
export function createDeparture(): { readonly departure: Departure; readonly leave: () => void } {
  const listeners = new Callbacks();
  let hasLeft = false;
  return {
    departure: {
      get hasLeft() {
        return hasLeft;
      },
      listeners,
    },
    leave() {
      if (hasLeft) return;
      hasLeft = true;
      for (const tell of [...listeners]) tell();
      listeners.clear();
    },
  };
}
