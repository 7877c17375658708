import type { Outcome } from "../../fleet/outcome.ts";
import type { Departure } from "../../http/exchange.ts";
import { isOnlyComments } from "../../http/sse_events.ts";
import type { ResponseHead, Upstream } from "../../http/upstream.ts";
import type { Deadlines } from "./deadlines.ts";
import { type Expiry, outcomeOf } from "./outcome.ts";

/** The progress of an attempt. docs/design.md has a diagram. */
export type AttemptState =
  /** The request is being sent, or waits for a connection. */
  | "awaiting_head"
  /** The head has arrived. Another server can still answer instead. */
  | "awaiting_first_event"
  /** The answer is being passed on to the client. */
  | "streaming"
  | "ended";

/** The dependencies of an {@linkcode Attempt}. */
export interface AttemptOptions {
  /** The request to the server. */
  readonly upstream: Upstream;
  /** Ends the attempt at any stage if the client disconnects. */
  readonly departure: Departure;
  /** Starts its deadlines. */
  readonly deadlines: (onExpiry: () => void) => Deadlines;
}

/** How an answer ended according to its content, if that differs from its head. */
export interface AnswerFacts {
  /** The status of an error that came as an event. */
  readonly status?: number | undefined;
  /** The server aborted it. */
  readonly isAborted?: boolean | undefined;
  /** It is the error of a server that is shutting down. */
  readonly isShutdown?: boolean | undefined;
}

/**
 * One server asked once, from the request to the last byte of the answer. `outcomeOf` decides its
 * outcome once. Until then a deadline or a disconnecting client can interrupt it; a server that
 * leaves rotation and a router that stops count as deadlines. An interruption closes the
 * connection, so that a pending read rejects.
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

  /** Starts its deadlines; `head` sends the request. */
  constructor({ upstream, departure, deadlines }: AttemptOptions) {
    this.#upstream = upstream;
    this.#departure = departure;
    this.#deadlines = deadlines(this.#interrupt);
    departure.listeners.add(this.#interrupt);
    if (departure.hasLeft) this.#interrupt();
  }

  /** The attempt's progress. */
  get state(): AttemptState {
    return this.#state;
  }

  /** The status of the answer's head, if it has come. */
  get status(): number | undefined {
    return this.#status;
  }

  /** Why the router aborted it, if it did. */
  get expired(): Expiry | undefined {
    return this.#deadlines.expired;
  }

  /** The connection was closed: every read rejects. */
  get isDropped(): boolean {
    return this.#isClosed;
  }

  /** Reads the head of the answer. Rejects if none comes. */
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

  /** Reads the next bytes; `undefined` at a clean end. Rejects if the answer breaks off. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isClosed) return Promise.reject(new Error("The connection was dropped"));
    this.#deadlines.listen();
    this.#isReading = true;
    return this.#upstream.read().then(this.#took);
  }

  /** Marks the answer as begun: no other server can answer from now on. */
  begin(): void {
    this.#state = "streaming";
    this.#deadlines.begun();
  }

  /**
   * Sets a callback for an interruption while the client has yet to accept data: no read is
   * pending then that could reject.
   */
  whenInterrupted(callback: () => void): void {
    this.#onInterrupt = callback;
  }

  /**
   * Breaks the answer off, so that another server goes on with it. No effect while the client has
   * yet to accept data: its time runs on.
   */
  handOver(): void {
    if (this.#isReading) this.#deadlines.handOver();
  }

  /** Returns the outcome so far, without ending the attempt. */
  judge(answer: AnswerFacts): Outcome {
    return outcomeOf({ ...this.#facts(answer), error: undefined });
  }

  /**
   * Ends the attempt, and closes the connection unless the answer was read to its end. Only the
   * first call decides the outcome.
   *
   * @param error what `head` or `read` rejected with. @default no error
   */
  end(error?: unknown, answer: AnswerFacts = {}): Outcome {
    if (this.#outcome) return this.#outcome;
    this.#outcome = outcomeOf({ ...this.#facts(answer), error });
    this.#state = "ended";
    this.#deadlines.stop();
    this.#departure.listeners.delete(this.#interrupt);
    if (error !== undefined || !this.#isWhole) this.close();
    return this.#outcome;
  }

  /** Closes the connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#upstream.close();
  }

  #facts(answer: AnswerFacts) {
    return {
      ...answer,
      status: answer.status ?? this.#status,
      expired: this.#deadlines.expired,
      clientLeft: this.#departure.hasLeft,
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
