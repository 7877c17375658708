import { getLogger } from "@logtape/logtape";
import type { PeerEvents } from "../peers/status.ts";

const log = getLogger("router");

/** Writes a line for each event of a peer. */
export const peerLog: PeerEvents = {
  peerUp(router) {
    log.info("{router} is a peer: both tell each other of their requests", { router });
  },
  peerDown(router, why) {
    log.warning("{router} is no peer, its requests show in the servers' metrics only: {why}", {
      router,
      why,
    });
  },
};
