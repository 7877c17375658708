import { type Gateway } from "../../src/gateway.ts";
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/simulator.ts";
import { freePort } from "../../bench/support/processes.ts";
import { startRouter } from "./router.ts";

/** Routers in front of the same simulated servers, each of which names all routers as its peers. */
export interface PeeredRouters extends AsyncDisposable {
  readonly routers: readonly (Gateway & { readonly url: string })[];
  readonly simulators: readonly Simulator[];
}

/** A key for peers. */
export const PEER_KEY = "a-key-of-the-routers";

type Tables = Readonly<Record<string, unknown>>;

export interface PeeredOptions {
  /** @default two servers */
  readonly servers?: readonly SimulatorOptions[];
  /** Addresses of peers, in addition to the routers themselves. */
  readonly more?: readonly string[];
  /** Other tables of the routers' configuration files, such as `auth`, by router. */
  readonly tables?: readonly [Tables, Tables];
}

// Routers must know each other's ports before they start.
export { freePort };

/**
 * Starts a router with an admin address and peers.
 *
 * @param peers their addresses, or the keys of `[peers]` that say where they come from
 */
export function startPeered(
  urls: readonly string[],
  adminPort: number,
  peers: readonly string[] | Readonly<Record<string, unknown>>,
  key: string = PEER_KEY,
  tables: Tables = {},
): Promise<Gateway & { readonly url: string }> {
  return startRouter(
    urls.map((url) => ({ url, max_concurrent_requests: 8 })),
    { metrics_interval: 60, request_timeout: 30 },
    {},
    {
      admin: { listen: `127.0.0.1:${adminPort}` },
      peers: { ...(Array.isArray(peers) ? { routers: peers } : peers), key },
      ...tables,
    },
  );
}

/** Starts two routers that are peers. Their metrics are read once, at the start. */
export async function startPeeredRouters(
  { servers = [{}, {}], more = [], tables = [{}, {}] }: PeeredOptions = {},
): Promise<PeeredRouters> {
  const simulators = await Promise.all(
    servers.map((options) => startSimulator({ speed: 20, ...options })),
  );
  const ports = [freePort(), freePort()];
  const peers = [...ports.map((port) => `http://127.0.0.1:${port}`), ...more];
  const urls = simulators.map(({ url }) => url);
  // One after the other, since each sets up the log.
  const routers: (Gateway & { readonly url: string })[] = [];
  for (const [at, port] of ports.entries()) {
    routers.push(await startPeered(urls, port, peers, PEER_KEY, tables[at]));
  }
  return {
    routers,
    simulators,
    async [Symbol.asyncDispose]() {
      await Promise.all(routers.map((router) => router.shutdown(0)));
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}

/** Returns how many requests of its peers a router knows. */
export function heardOf(router: Gateway): number {
  return router.fleet.servers.reduce((sum, { peersInFlight }) => sum + peersInFlight, 0);
}
