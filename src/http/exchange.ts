/** Headers as they go out. Names in lower case. */
export type Head = readonly (readonly [string, string])[];

/** Whether a client has left, and who is told when it does. */
export interface Departure {
  /** The client has disconnected. */
  readonly hasLeft: boolean;
  /** Called once each, when the client leaves. A set is cheaper than listeners of an `EventTarget`. */
  readonly listeners: Set<() => void>;
}

/** A request that came in, and the client that waits for its answer. */
export interface Exchange {
  /** Its method, address, headers and body. */
  readonly request: Request;
  /** Reports when the client leaves, at any stage that the adapter can detect. */
  readonly departure: Departure;
  /** Settles when the answer has gone out, or its connection has ended. */
  readonly sent: Promise<unknown>;
  /** Writes that the connection has not taken yet. */
  readonly unsent: number;
  /** Answers with a whole body. */
  respond(status: number, head: Head, body: Uint8Array<ArrayBuffer> | undefined): void;
  /** Sends a head whose body follows by `write`. Settles as `write` does. */
  begin(status: number, head: Head): Promise<void>;
  /**
   * Writes a part of the body. Settles when the client is ready for more, or won't get any more:
   * after `end`, `abort` or its leaving.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends the body cleanly. */
  end(): void;
  /** Ends the body so that the client knows that it is not whole. */
  abort(): void;
}
