import { Callbacks } from "../util/callbacks.ts";
import type { Departure } from "./exchange.ts";

/** The departure of a client that is still there. */
export class ClientDeparture implements Departure {
  /** Called once each, when the client leaves. */
  readonly listeners: Callbacks = new Callbacks();
  #hasLeft = false;

  /** The client has disconnected. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Tells all listeners. Only the first call counts. */
  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    for (const tell of [...this.listeners]) tell();
    this.listeners.clear();
  }
}
