import { isRoutable, type Model } from "../fleet/state/server.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { countServers } from "./count.ts";
import { isoTime } from "./time.ts";

/**
 * `GET /v1/models`: the models of all routable servers, each once, as the first server describes it.
 *
 * @param among names of the models to include. @default all
 */
export function modelsDocument(
  { servers }: FleetSnapshot,
  among?: readonly string[],
): { object: "list"; data: Model[] } {
  const models = new Map<string, Model>();
  for (const server of servers) {
    if (!isRoutable(server.state)) continue;
    for (const [id, model] of server.models) {
      if (!models.has(id) && (among?.includes(id) ?? true)) models.set(id, model);
    }
  }
  return { object: "list", data: [...models.values()] };
}

/** `GET /server-models`, in the original router's format. */
export function serverModelsDocument({ servers }: FleetSnapshot) {
  const { total, healthy } = countServers(servers);
  return {
    servers: Object.fromEntries(servers.map((server) => [server.url, {
      supported_models: [...server.models.keys()],
      models_last_updated: isoTime(server.modelsUpdatedAt),
      healthy: server.state === "healthy",
    }])),
    total_servers: total,
    healthy_servers: healthy,
  };
}
