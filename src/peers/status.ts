/** The path at the admin address to which peers post what they tell. */
export const PEERS_PATH = "/peers";
/** The header of an answer that names the router's start. */
export const INSTANCE_HEADER = "x-router-instance";
/** The header of a request that names the starts of routers to which its sender has connections. */
export const LINKED_HEADER = "x-router-linked";

/** What is known of a peer. Times are monotonic, in milliseconds. */
export interface PeerStatus {
  /** The origin of its admin address. */
  readonly router: string;
  /** Whether both tell each other at the moment. */
  readonly isUp: boolean;
  /** Since when that is so, or isn't. */
  readonly since: number;
  /** Why it isn't up. */
  readonly problem: string | undefined;
}

/** Receives what happens to peers. */
export interface PeerEvents {
  /** A peer and this router tell each other from now on. */
  readonly peerUp: (router: string) => void;
  /** A peer counts for nothing from now on, or for another reason than before. */
  readonly peerDown: (router: string, why: string) => void;
}
