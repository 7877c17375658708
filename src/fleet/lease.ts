import type { Outcome } from "./outcome.ts";
import type { Server } from "./server.ts";

/** A request's place at a server, counted from the moment of choosing. */
export interface Lease {
  /** The server it is a place at. */
  readonly server: Readonly<Server>;
  /** Gives the place back and tells how it went. Only the first call counts. */
  end(outcome: Outcome): void;
}

/** Takes a place at a server. `onEnd` hears once how it went, when the place is given back. */
export function takePlace(server: Server, onEnd: (outcome: Outcome) => void): Lease {
  let ended = false;
  server.inFlight++;
  return {
    server,
    end(outcome) {
      if (ended) return;
      ended = true;
      server.inFlight--;
      onEnd(outcome);
    },
  };
}
