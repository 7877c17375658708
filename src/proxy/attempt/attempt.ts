import type { Outcome } from "../../fleet/outcome.ts";
import type { Departure } from "../../http/exchange.ts";
import { isOnlyComments } from "../../http/sse_events.ts";
import type { ResponseHead, Upstream } from "../../http/upstream.ts";
import type { Deadlines } from "./deadlines.ts";
import { type Expiry, outcomeOf } from "./outcome.ts";

/** How far an attempt has come. docs/design.md has the drawing. */
export type AttemptState =
  /** The request is on its way, or waits for a connection. */
  | "awaiting_head"
  /** The head is here. Another server can still answer instead. */
  | "awaiting_first_event"
  /** The answer goes to the client. */
  | "streaming"
  | "ended";

/** What an attempt works with. */
export interface AttemptOptions {
  /** The request to the server. */
  readonly upstream: Upstream;
  /** The client's leaving ends it at any stage. */
  readonly departure: Departure;
  /** Starts the watch over its limits of time. */
  readonly deadlines: (onExpiry: () => void) => Deadlines;
}

/** What an answer itself reports of its end, where that differs from its head. */
export interface Told {
  /** Of an error that came as an event. */
  readonly status?: number | undefined;
  /** Its server gave it up. */
  readonly isGivenUp?: boolean | undefined;
  /** It is the error of a server that shuts down. */
  readonly isShutdown?: boolean | undefined;
}

/**
 * One server asked once, from the request to the last byte of the answer. Its end is decided once,
 * by `outcomeOf`. Until then three events can interrupt it: a deadline, the client's leaving, and
 * the server's leaving rotation or the router's stop, which come as deadlines too. Each closes the
 * connection, so that what is pending rejects.
 */
export class Attempt {
  readonly #upstream: Upstream;
  readonly #departure: Departure;
  readonly #deadlines: Deadlines;
  #state: AttemptState = "awaiting_head";
  #status: number | undefined;
  #outcome: Outcome | undefined;
  #isReading = false;
  #isClosed = false;
  /** The answer was read to its clean end. */
  #isWhole = false;
  #onInterrupt = () => {};

  constructor({ upstream, departure, deadlines }: AttemptOptions) {
    this.#upstream = upstream;
    this.#departure = departure;
    this.#deadlines = deadlines(this.#interrupt);
    departure.listeners.add(this.#interrupt);
    if (departure.hasLeft) this.#interrupt();
  }

  /** How far it has come. */
  get state(): AttemptState {
    return this.#state;
  }

  /** Why the router gave it up, if it did. */
  get expired(): Expiry | undefined {
    return this.#deadlines.expired;
  }

  /** The connection was dropped: every read rejects. */
  get isDropped(): boolean {
    return this.#isClosed;
  }

  /** The head of the answer. Rejects if there is none. */
  async head(): Promise<ResponseHead> {
    this.#deadlines.listen();
    this.#isReading = true;
    const head = await this.#upstream.head();
    this.#isReading = false;
    this.#deadlines.heard(true);
    this.#deadlines.connected();
    this.#status = head.status;
    this.#state = "awaiting_first_event";
    return head;
  }

  /** The next bytes, `undefined` at a clean end. Rejects if the answer breaks off. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isClosed) return Promise.reject(new Error("The connection was dropped"));
    this.#deadlines.listen();
    this.#isReading = true;
    return this.#upstream.read().then(this.#took);
  }

  /** The answer goes to the client from now on: no other server can answer. */
  begin(): void {
    this.#state = "streaming";
    this.#deadlines.begun();
  }

  /**
   * Calls back when the attempt is interrupted while the client is to take what came: then no read
   * is pending that could reject.
   */
  whenInterrupted(callback: () => void): void {
    this.#onInterrupt = callback;
  }

  /** The outcome as far as the answer has come. */
  judge(told: Told): Outcome {
    return outcomeOf({ ...this.#facts(told), error: undefined });
  }

  /**
   * Ends it, and drops the connection unless the answer was read to its end. Only the first call
   * decides the outcome.
   *
   * @param error what `head` or `read` rejected with. @default it went well
   */
  end(error?: unknown, told: Told = {}): Outcome {
    if (this.#outcome) return this.#outcome;
    this.#outcome = outcomeOf({ ...this.#facts(told), error });
    this.#state = "ended";
    this.#deadlines.stop();
    this.#departure.listeners.delete(this.#interrupt);
    if (error !== undefined || !this.#isWhole) this.close();
    return this.#outcome;
  }

  /** Drops the connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#upstream.close();
  }

  #facts(told: Told) {
    return {
      ...told,
      status: told.status ?? this.#status,
      expired: this.#deadlines.expired,
      clientGone: this.#departure.hasLeft,
    };
  }

  readonly #interrupt = () => {
    this.close();
    if (!this.#isReading) this.#onInterrupt();
  };

  readonly #took = (bytes: Uint8Array<ArrayBuffer> | undefined) => {
    this.#isReading = false;
    if (bytes) this.#deadlines.heard(!isOnlyComments(bytes));
    else this.#isWhole = true;
    return bytes;
  };
}
