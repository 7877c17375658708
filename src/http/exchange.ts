/** Headers to send, with lower-case names. */
export type Head = readonly (readonly [string, string])[];

/** Whether the client has disconnected, and the callbacks for when it does. */
export interface Departure {
  /** The client has disconnected. */
  readonly hasLeft: boolean;
  /** Called once each on a disconnect. A set is cheaper than listeners of an `EventTarget`. */
  readonly listeners: Set<() => void>;
}

/** A received request and the response to it. */
export interface Exchange {
  /** Its method, address, headers and body. */
  readonly request: Request;
  /** Reports a disconnect at any stage in which the adapter can detect it. */
  readonly departure: Departure;
  /** Settles when the answer has been sent or the connection has closed. */
  readonly sent: Promise<unknown>;
  /** Writes that the connection has not accepted yet. */
  readonly unsent: number;
  /** Answers with a whole body. */
  respond(status: number, head: Head, body: Uint8Array<ArrayBuffer> | undefined): void;
  /** Sends a head whose body follows by `write`. Settles as `write` does. */
  begin(status: number, head: Head): Promise<void>;
  /**
   * Writes a part of the body. Settles when the client is ready for more, or will
   * receive no more: after `end`, `abort` or a disconnect.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends the body cleanly. */
  end(): void;
  /** Ends the body so that the client detects that it is incomplete. */
  abort(): void;
}
