import type { ServerIdentity, ServerState } from "./server.ts";

/** A server's move from one state to another. */
export interface StateChange {
  /** The server. */
  readonly server: ServerIdentity;
  /** The state it left. */
  readonly from: ServerState;
  /** The state it entered. */
  readonly to: ServerState;
  /** Why, human-readable. */
  readonly reason: string;
}
