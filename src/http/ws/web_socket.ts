/** A client's handshake that was checked. */
export interface Handshake {
  /** The client's key. */
  readonly key: string;
  /** The subprotocol to answer with, if the client offered one that the router knows. */
  readonly protocol: string | undefined;
}

/** What a close says. */
export interface Close {
  /** `undefined` if it is empty. */
  readonly code: number | undefined;
  /** At most 123 bytes of UTF-8. */
  readonly reason: string;
}

/** A part of a message. A long message comes in several, so that none is kept whole. */
export interface Piece {
  /** Its message is text; otherwise it is binary. */
  readonly isText: boolean;
  /** Valid until the next read; may not be kept. */
  readonly bytes: Uint8Array;
  /** The first piece of its message. */
  readonly isFirst: boolean;
  /** The last piece of its message. */
  readonly isLast: boolean;
}

/** What has been read: a piece of a message, or the other end's close, which is the last. */
export type Received = Piece | { readonly closed: Close };

/** The other end sent what it must not. It is to be closed with this code and reason. */
export class BadMessage extends Error {
  /** Always this. */
  override name = "BadMessage";
  /** The code of the close. */
  readonly code: number;

  /** The reason becomes the message. */
  constructor({ code, reason }: { readonly code: number; readonly reason: string }) {
    super(reason);
    this.code = code;
  }
}

/** The connection ended without a close. */
export class ClosedAbnormally extends Error {
  /** Always this. */
  override name = "ClosedAbnormally";
}

/** An open WebSocket. Answers pings itself. */
export interface RelayedSocket {
  /**
   * Since when a read waits for the other end, on the clock of `performance.now()`. Any byte counts
   * as heard, pongs as well. `undefined` if none waits, or if the runtime looks after it.
   */
  readonly silentSince: number | undefined;
  /** Since when a write waits for the other end, on the same clock. */
  readonly unreadSince: number | undefined;
  /** Settles with the reason when the connection has ended while it was not read. */
  readonly lost: Promise<unknown>;
  /** Reads on. Rejects with {@linkcode BadMessage} or {@linkcode ClosedAbnormally}. */
  read(): Promise<Received>;
  /**
   * Reads at most one buffer ahead, to notice an end while the last piece is being sent elsewhere.
   * The bytes of that piece are no longer valid.
   */
  lookAhead(): void;
  /** Sends a piece. Settles when it has been taken, or nothing can be any more; never rejects. */
  send(piece: Piece): Promise<void>;
  /** Asks the other end for a sign of life, unless something is being sent. */
  ping(): void;
  /** Sends a close. Pieces that are sent later are dropped. Settles as `send` does. */
  close(close: Close): Promise<void>;
  /** Ends the connection at once: pending calls end. */
  drop(): void;
}

const encoder = new TextEncoder();

/** A whole message. */
export function textMessage(text: string): Piece {
  return { isText: true, bytes: encoder.encode(text), isFirst: true, isLast: true };
}
