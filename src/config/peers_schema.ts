import { z } from "zod";
import type { Diagnostic } from "./diagnostic.ts";
import { dnsShape } from "./discovery_schema.ts";
import { kubernetesShape } from "./kubernetes_schema.ts";
import { secret, table, tableAt, text, unknownIn } from "./zod_types.ts";

/** The sources that find routers as they find servers. */
const sourceShapes = {
  dns: dnsShape,
  kubernetes: kubernetesShape.omit({ annotations: true }),
};

/** The most routers that share a fleet. */
export const MOST_ROUTERS = 64;

/** The table `[peers]`. */
export const peersShape = z.looseObject({
  routers: z.array(text, table('a list such as ["http://router-2:9090"]'))
    .min(1, "expected at least one router")
    .max(MOST_ROUTERS, `expected at most ${MOST_ROUTERS} routers`)
    .optional(),
  dns: sourceShapes.dns.optional(),
  kubernetes: sourceShapes.kubernetes.optional(),
  key: secret("a key").optional(),
}, table("a table"));

/** A validated `[peers]` table. */
export type RawPeers = z.output<typeof peersShape>;

/** Finds the unknown keys of the sources of a `[peers]` table. */
export function unknownInPeerSources(peers: Record<string, unknown>): Diagnostic[] {
  return Object.entries(sourceShapes).flatMap(([kind, { shape }]) =>
    unknownIn(tableAt(peers, kind), shape, `peers.${kind}.`)
  );
}
