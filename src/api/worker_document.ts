import { createHash } from "node:crypto";
import { engineNameOf } from "../fleet/state/engine.ts";
import {
  isRoutable,
  reasonOf,
  type Server,
  type ServerState,
  stateOf,
} from "../fleet/state/server.ts";

/**
 * Returns the id of the server at this URL. It is made of the URL, so that it is the same after a
 * restart and on every router, in the form of a UUID, which clients of SMG expect.
 */
export function workerId(url: string): string {
  const hex = createHash("sha256").update(url).digest("hex");
  // Version 8 is for ids whose contents are the application's own.
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  return [...parts, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

/** Describes a server in SMG's words, followed by the router's own. */
export function workerDocument(server: Readonly<Server>) {
  const { config, inFlight, models } = server;
  const state = stateOf(server);
  const ids = [...models.keys()];
  return {
    id: workerId(config.url),
    model_id: ids[0] ?? "unknown",
    url: config.url,
    models: [...models.values()].map(({ id, max_model_len: length }) => ({
      id,
      ...(typeof length === "number" && { context_length: length }),
    })),
    worker_type: "regular",
    connection_mode: "http",
    runtime_type: engineNameOf(server) ?? "unknown",
    labels: {},
    priority: 50,
    cost: 1,
    is_healthy: isRoutable(state),
    status: statusIn(state),
    load: inFlight,
    http2: false,
    name: config.name,
    source: config.source ?? "file",
    max_concurrent_requests: config.capacity,
    health_status: state,
    reason: reasonOf(server),
  };
}

/** SMG's word for a state. */
function statusIn(state: ServerState): string {
  if (isRoutable(state)) return "ready";
  if (state === "draining") return state;
  return state === "checking" ? "pending" : "not_ready";
}

/** Describes all servers. */
export function workersDocument(servers: readonly Readonly<Server>[]) {
  const workers = servers.map(workerDocument);
  return {
    workers,
    total: workers.length,
    stats: { prefill_count: 0, decode_count: 0, regular_count: workers.length },
  };
}
