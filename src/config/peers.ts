import { isIP } from "node:net";
import { addressIn } from "./access_schema.ts";
import type { Peers } from "./config.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Discovery } from "./discovery.ts";
import { kubernetesIn } from "./kubernetes_schema.ts";
import type { RawPeers } from "./peers_schema.ts";
import { expandEnv, keyIn, type References } from "./references.ts";
import { isHost } from "./route.ts";
import { dnsIn, nameOf } from "./to_discoveries.ts";

/** In characters. */
const SHORTEST_KEY = 16;

/**
 * Builds the list of peers.
 *
 * @param adminListen the router's admin address as written, to which its peers connect
 */
export function toPeers(
  raw: RawPeers | undefined,
  adminListen: string | undefined,
  outside: References,
  problems: Diagnostic[],
): Peers | undefined {
  if (!raw) return undefined;
  const routers = (raw.routers ?? []).flatMap((written, index) =>
    originIn(written, `peers.routers[${index}]`, outside, problems) ?? []
  );
  const key = raw.key === undefined ? undefined : keyIn(raw.key, "peers.key", outside, problems);
  const report = (where: string, what: string) => void problems.push({ where, what });
  const sources = sourcesIn(raw, adminListen, outside, problems);
  if (raw.routers === undefined && sources.length === 0) {
    report("peers", "expected routers, dns or kubernetes, which name the other routers");
  }
  if (adminListen === undefined) {
    report("peers", "expected admin.listen, the address that the other routers connect to");
  }
  if (new Set(routers).size < routers.length) report("peers.routers", "expected each router once");
  if (raw.key === undefined && (sources.length > 0 || !routers.every(isOnThisMachine))) {
    report("peers.key", "expected a key, since not all routers are on this machine");
  }
  if (key !== undefined && key.length < SHORTEST_KEY) {
    report("peers.key", `expected at least ${SHORTEST_KEY} characters, got ${key.length}`);
  }
  return { routers, sources, ...(key !== undefined && { key }) };
}

/** Converts the sources. The port defaults to that of this router's admin address. */
function sourcesIn(
  { dns, kubernetes }: RawPeers,
  adminListen: string | undefined,
  outside: References,
  problems: Diagnostic[],
): Discovery[] {
  const own = adminListen === undefined ? undefined : addressIn(adminListen);
  const usual = own && { port: own.port };
  const sources: Discovery[] = [];
  const add = (name: string, from: Discovery["from"]) =>
    void sources.push({
      name: `peers ${name}`,
      from,
      scheme: "http",
      defaults: { capacity: 1 },
    });
  if (dns) {
    const lookup = { ...(dns.type !== "SRV" && usual), ...dns };
    add(nameOf({ dns }), dnsIn(lookup, "peers", problems));
  }
  if (kubernetes) {
    const service = { ...usual, ...kubernetes, annotations: false };
    add(nameOf({ kubernetes }), kubernetesIn(service, "peers", outside, problems));
  }
  return sources;
}

function originIn(
  written: string,
  where: string,
  outside: References,
  problems: Diagnostic[],
): string | undefined {
  const before = problems.length;
  const url = URL.parse(expandEnv(written, where, outside, problems).trim());
  if (problems.length > before) return undefined;
  const isPlain = url && /^https?:$/.test(url.protocol) && isHost(url.hostname) &&
    url.pathname === "/" && url.search + url.hash + url.username === "";
  if (isPlain) return url.origin;
  problems.push({ where, what: "expected an admin address such as http://router-2:9090" });
  return undefined;
}

function isOnThisMachine(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === "localhost" || hostname === "[::1]" ||
    isIP(hostname) === 4 && hostname.startsWith("127.");
}
