import { isIP } from "node:net";
import type { Peers } from "./config.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { RawPeers } from "./peers_schema.ts";
import { expandEnv, keyIn, type References } from "./references.ts";
import { isHost } from "./route.ts";

/** Characters. */
const SHORTEST_KEY = 16;

/**
 * Builds the list of peers.
 *
 * @param hasAdmin whether the router has an admin address, where its peers find it
 */
export function toPeers(
  raw: RawPeers | undefined,
  hasAdmin: boolean,
  outside: References,
  problems: Diagnostic[],
): Peers | undefined {
  if (!raw) return undefined;
  const routers = raw.routers.flatMap((written, index) =>
    originIn(written, `peers.routers[${index}]`, outside, problems) ?? []
  );
  const key = raw.key === undefined ? undefined : keyIn(raw.key, "peers.key", outside, problems);
  const report = (where: string, what: string) => void problems.push({ where, what });
  if (!hasAdmin) report("peers", "expected admin.listen, where the other routers find this one");
  if (new Set(routers).size < routers.length) report("peers.routers", "expected each router once");
  if (raw.key === undefined && !routers.every(isOnThisMachine)) {
    report("peers.key", "expected a key, since not all routers are on this machine");
  }
  if (key !== undefined && key.length < SHORTEST_KEY) {
    report("peers.key", `expected at least ${SHORTEST_KEY} characters, got ${key.length}`);
  }
  return { routers, ...(key !== undefined && { key }) };
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
