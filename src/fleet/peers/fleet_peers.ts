import { createEstimator } from "../estimate/create_estimator.ts";
import type { Estimator } from "../estimate/estimator.ts";
import type { Server } from "../state/server.ts";
import { createPeerClaims, type PeerClaims } from "./claims.ts";
import { serverHash } from "./event.ts";
import { createTelling, type Telling } from "./telling.ts";

/** What a fleet reports to the router's peers, and receives from them. */
export interface FleetPeers extends Pick<Telling, "tellTo" | "inFlight"> {
  /** Begins to count the requests of another peer. */
  join(): PeerClaims;
  /** Forgets the requests that a peer claims but the servers' scrapes refute. */
  compare(claims: PeerClaims): void;
}

/** Creates an estimator that reports the router's own requests to peers, and counts theirs. */
export function createPeeredEstimator(
  servers: () => readonly Server[],
): Estimator & { readonly peers: FleetPeers } {
  const { estimator, ...telling } = createTelling(createEstimator());
  const requests = estimator.peerRequests;
  let hashed: readonly Server[] = [];
  let byHash: ReadonlyMap<number, Server> = new Map();

  function serverOf(hash: number): Server | undefined {
    const known = servers();
    if (hashed !== known) {
      hashed = known;
      byHash = new Map(known.map((server) => [serverHash(server.config.url), server]));
    }
    return byHash.get(hash);
  }

  return {
    ...estimator,
    peers: {
      ...telling,
      join: () => createPeerClaims({ serverOf, requests }),
      compare(claims) {
        for (const server of servers()) claims.compare(server);
      },
    },
  };
}
