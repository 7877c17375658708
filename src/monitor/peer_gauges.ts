import { Gauge, type Registry } from "prom-client";
import type { PeerStatus } from "../peers/status.ts";

/** Registers a gauge that each scrape reads from the router's peers. */
export function registerPeerGauges(
  registers: Registry[],
  peers: () => readonly PeerStatus[],
): void {
  new Gauge({
    name: "vllm_router_peer_up",
    help: "1 if another router and this one tell each other of their requests, else 0.",
    labelNames: ["peer"],
    registers,
    collect() {
      this.reset();
      for (const { router, isUp } of peers()) this.set({ peer: router }, Number(isUp));
    },
  });
}
