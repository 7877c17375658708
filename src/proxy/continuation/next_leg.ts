import type { Leg } from "../attempt/ask.ts";
import type { KeptStream } from "./kept_stream.ts";
import { BegunAnew } from "./begun_anew.ts";
import { createSeam } from "./seam.ts";
import { tapEvents } from "../sse/tap_events.ts";

/** What a server is sent that is to go on with a stream. */
export interface NextLeg extends Leg {
  /** It began the answer anew, so that nothing of it can be passed on. */
  hasBegunAnew(): boolean;
}

/** @param body of the request for the rest */
export function createNextLeg(kept: KeptStream, body: Uint8Array<ArrayBuffer>): NextLeg {
  let isAnew = false;
  const seam = createSeam(kept);
  return {
    bodyFor: () => body,
    tap: (upstream) =>
      tapEvents(upstream, (events) => {
        try {
          return seam(events);
        } catch (error) {
          isAnew ||= error instanceof BegunAnew;
          throw error;
        }
      }, () => {}),
    hasBegunAnew: () => isAnew,
  };
}
