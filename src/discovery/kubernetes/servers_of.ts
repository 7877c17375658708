import { isIPv4, isIPv6 } from "node:net";
import type { ServerConfig } from "../../config/config.ts";
import type { Said } from "../server.ts";
import type { DiscoveredServer } from "../source.ts";
import type { Endpoint, EndpointSlice } from "./objects.ts";

/** How the endpoints of a Service become servers. */
export interface ServersOptions {
  /** Name or number of the port. @default the only one, or else the one named `http` */
  readonly port?: string | number;
  /** The configuration of `host:port` by the source's defaults; `undefined` if that is invalid. */
  readonly configAt: (address: string) => ServerConfig | undefined;
  /** What the annotations of an endpoint's pod say, if it is known. */
  readonly said: (endpoint: Endpoint) => Said;
  /** Told of slices and endpoints that are left out. */
  readonly onWarning: (text: string) => void;
}

/** The name of the port that is taken if there are several and none is configured. */
const USUAL_PORT = "http";

/**
 * Merges the slices of a Service. If several have the same address, the latest counts; a pod with an
 * IPv4 and an IPv6 address is one server, at the former.
 *
 * @param slices the one with the latest version last
 * @param before addresses of the servers that were reported last
 */
export function serversOf(
  slices: readonly EndpointSlice[],
  before: ReadonlySet<string>,
  options: ServersOptions,
): DiscoveredServer[] {
  const { said, configAt, onWarning } = options;
  const found = new Map<string, { readonly config: ServerConfig; readonly endpoint: Endpoint }>();
  for (const { addressType, endpoints, ...slice } of slices) {
    const port = endpoints.length > 0 ? portOf(slice, options) : undefined;
    if (port === undefined) continue;
    for (const endpoint of endpoints) {
      const [address] = endpoint.addresses;
      const host = hostOf(addressType, address!);
      const config = host === undefined ? undefined : configAt(`${host}:${port}`);
      if (!config) {
        onWarning(`the address ${JSON.stringify(address)} is not valid, ignored`);
        continue;
      }
      const { kind, uid } = endpoint.targetRef ?? {};
      const key = kind === "Pod" && uid ? uid : config.url;
      const other = found.get(key)?.config.url;
      const isSecondary = addressType === "IPv6" && other !== undefined && !other.includes("[");
      if (!isSecondary) found.set(key, { config, endpoint });
    }
  }
  const servers = new Map<string, DiscoveredServer>();
  for (const { config, endpoint } of found.values()) {
    const { url } = config;
    const state = stateOf(endpoint, before.has(url));
    // An address can be used again while the pod that had it is still listed.
    if (state === undefined || servers.get(url)?.draining === false) continue;
    const { kind, name } = endpoint.targetRef ?? {};
    const named = kind === "Pod" && name ? { name } : {};
    servers.set(url, {
      config: {
        ...config,
        ...named,
        ...said(endpoint),
        ...(state === "terminating" && { terminating: true }),
      },
      draining: state !== "ready",
    });
  }
  return [...servers.values()];
}

/**
 * What an endpoint's conditions mean. A pod that is not ready gets no new requests: if it has been a
 * server, it drains; otherwise, as while it loads its model, it isn't a server yet. A pod that is
 * terminating but still serves gets requests if there is no other, as with kube-proxy.
 */
function stateOf(
  { conditions }: Endpoint,
  wasServer: boolean,
): "ready" | "draining" | "terminating" | undefined {
  const isReady = conditions?.ready ?? true;
  if (conditions?.terminating && (conditions.serving ?? isReady)) return "terminating";
  if (isReady && !conditions?.terminating) return "ready";
  return wasServer ? "draining" : undefined;
}

function portOf(
  slice: Pick<EndpointSlice, "ports">,
  { port, onWarning }: ServersOptions,
): number | undefined {
  if (typeof port === "number") return port;
  const ports = slice.ports.filter(({ protocol }) => (protocol ?? "TCP") === "TCP");
  const found = ports.length === 1 && port === undefined
    ? ports[0]
    : ports.find(({ name }) => name === (port ?? USUAL_PORT));
  if (found?.port) return found.port;
  const names = ports.map(({ name, port }) => name ? `${name} (${port})` : port).join(", ");
  const what = port === undefined ? `one port, or one named ${USUAL_PORT}` : `a port ${port}`;
  onWarning(`expected ${what}, got ${names || "none"}: set port`);
  return undefined;
}

/** An address as it stands in a URL; `undefined` if it isn't of its type. */
function hostOf(type: EndpointSlice["addressType"], address: string): string | undefined {
  if (type === "IPv4") return isIPv4(address) ? address : undefined;
  if (type === "IPv6") return isIPv6(address) ? `[${address}]` : undefined;
  return /^[\w.-]+$/.test(address) ? address : undefined;
}
