import type { CallbackSet } from "../util/callbacks.ts";
import type { FieldMap } from "./field_map.ts";
import type { Handshake, RelayedSocket } from "./ws/web_socket.ts";

/** Headers as they go out. Names in lower case. */
export type Head = readonly (readonly [string, string])[];

/** Whether a client has left, and who is told when it does. */
export interface Departure {
  /** The client has disconnected. */
  readonly hasLeft: boolean;
  /** Called once each, when the client leaves. */
  readonly listeners: CallbackSet;
}

/** The body of a request, as it arrives. */
export interface RequestBody {
  /** The declared length in bytes, 0 if there is no body, `undefined` if it is chunked. */
  readonly length: number | undefined;
  /**
   * Reads what has arrived; `undefined` at the end. The bytes are valid until the next call.
   * Rejects if the body breaks off or is malformed.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Stops reading: a pending read ends. */
  cancel(): void;
}

/** A request that came in, and the client that waits for its answer. */
export interface Exchange {
  /** In upper case. */
  readonly method: string;
  /** Its path and query; unchanged, or with the path as the endpoint is spelled. */
  target: string;
  /** The fields of its head. */
  readonly headers: FieldMap;
  /** Read once. */
  readonly body: RequestBody;
  /** Reports when the client leaves, at any stage that the adapter can detect. */
  readonly departure: Departure;
  /** Settles when the answer has gone out, or its connection has ended. */
  readonly sent: Promise<unknown>;
  /** Writes that the connection has not taken yet. */
  readonly unsent: number;
  /** Answers with a whole body, which must not change afterwards. */
  respond(status: number, head: Head, body: Uint8Array<ArrayBuffer> | undefined): void;
  /**
   * Begins an answer whose body follows by `write`. Its head goes out with the first write, or by
   * `flush`. Settles as `write` does.
   */
  begin(status: number, head: Head): Promise<void>;
  /** Sends the head of an answer that has begun. */
  flush(): void;
  /**
   * Writes a part of the body; the bytes may change once this has returned. Settles when the client
   * is ready for more, or won't get any more: after `end`, `abort` or its leaving.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /**
   * Answers 101 to a WebSocket handshake that was checked, with these further fields. What the
   * client sends then can only be read from the socket.
   */
  accept(handshake: Handshake, head: Head, maxMessageBytes: number): RelayedSocket;
  /** Ends the body cleanly. */
  end(): void;
  /** Ends the body so that the client knows that it is not whole. */
  abort(): void;
}

/** Takes an exchange to its end. Must respond or begin before it settles. */
export type Handle = (exchange: Exchange) => Promise<void>;
