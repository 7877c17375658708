import type { PeerClaims } from "../../src/fleet/peers/claims.ts";
import type { PeerEvent } from "../../src/fleet/peers/event.ts";
import type { FleetPeers } from "../../src/fleet/peers/fleet_peers.ts";
import type { Clock } from "../../src/simulator/engine/clock.ts";
import type { PeerLinks } from "./chooser.ts";

type Hear = (from: FleetPeers, event: PeerEvent) => void;

/** Links routers to each other so that all they tell arrives this much later. */
export function linkPeers(clock: Clock, delayMs: number): PeerLinks {
  const routers: { readonly router: FleetPeers; readonly hear: Hear }[] = [];
  return {
    join(router, now) {
      const claimsOf = new Map<FleetPeers, PeerClaims>();
      routers.push({
        router,
        hear(from, event) {
          const claims = claimsOf.get(from) ?? router.join();
          claimsOf.set(from, claims);
          claims.hear([event], now());
        },
      });
      router.tellTo((event) =>
        void clock.schedule(clock.now() + delayMs, () => {
          for (const other of routers) if (other.router !== router) other.hear(router, event);
        })
      );
    },
  };
}
