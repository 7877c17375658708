import type { FieldMap } from "./field_map.ts";

/** The head of a server's answer. */
export interface ResponseHead {
  /** As the server sent it. */
  readonly status: number;
  /** As the server sent them. */
  readonly headers: FieldMap;
}

/** A request to a server, and its answer. */
export interface Upstream {
  /** Sends the request. Settles with the answer's head; rejects if there is none. */
  head(): Promise<ResponseHead>;
  /**
   * Reads the next bytes, which are valid until the next call; `undefined` at a clean end. Rejects
   * if the answer breaks off.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Closes the connection: pending calls reject. */
  close(): void;
}
