/** The path at the admin address to which peers post their events. */
export const PEERS_PATH = "/peers";
/** The header of an answer that identifies the router's start. */
export const INSTANCE_HEADER = "x-router-instance";
/** The header of a request that lists the starts of routers to which its sender is connected. */
export const LINKED_HEADER = "x-router-linked";

/** A peer's status. Times are monotonic, in milliseconds. */
export interface PeerStatus {
  /** The origin of its admin address. */
  readonly router: string;
  /** Whether the peer and this router tell each other of their requests. */
  readonly isUp: boolean;
  /** Since when `isUp` has its value. */
  readonly since: number;
  /** Why it isn't up. */
  readonly problem: string | undefined;
}

/** Receives changes of peers' status. */
export interface PeerEvents {
  /** A peer and this router now tell each other of their requests. */
  readonly peerUp: (router: string) => void;
  /** A peer is away: its requests no longer count. Called again when the reason changes. */
  readonly peerDown: (router: string, why: string) => void;
}
