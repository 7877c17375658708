import { getLogger } from "@logtape/logtape";
import type { PeerEvents } from "../peers/status.ts";

const log = getLogger("router");

/** Writes a line for each event of a peer. */
export const peerLog: PeerEvents = {
  peerUp(router) {
    log.info("Peer {router} is up: each router tells the other of its requests", { router });
  },
  peerDown(router, why) {
    log.warning("Peer {router} is away, so its requests show only in the servers' metrics: {why}", {
      router,
      why,
    });
  },
};
