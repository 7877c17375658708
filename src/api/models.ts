import type { ModelNames } from "../config/config.ts";
import { modelFor } from "../fleet/model_names.ts";
import type { Model } from "../fleet/state/models.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { countServers } from "./count.ts";
import { isoTime } from "./time.ts";

/**
 * `GET /v1/models`: the models of all servers that take requests, each once, as the first server
 * describes it, and their aliases. An alias with `*` stands for too many names to list.
 *
 * @param among names of the models to include. @default all
 */
export function modelsDocument(
  { servers }: FleetSnapshot,
  { aliases }: ModelNames,
  among?: readonly string[],
): { object: "list"; data: Model[] } {
  const models = new Map<string, Model>();
  for (const server of servers) {
    if (!server.takesRequests) continue;
    for (const [id, model] of server.models) {
      if (!models.has(id) && (among?.includes(id) ?? true)) models.set(id, model);
    }
  }
  for (const { alias, targets } of aliases) {
    const target = targets.map(({ model }) => models.get(model)).find((model) => model);
    if (target && !alias.includes("*")) models.set(alias, aliasOf(target, alias));
  }
  return { object: "list", data: [...models.values()] };
}

/** `GET /v1/models/NAME`; `undefined` if there is no such model. */
export function modelDocument(
  snapshot: FleetSnapshot,
  names: ModelNames,
  name: string,
  among?: readonly string[],
): Model | undefined {
  const { data } = modelsDocument(snapshot, names, among);
  const listed = data.find(({ id }) => id === name);
  if (listed) return listed;
  const mayUse = (model: string) => among?.includes(model) ?? true;
  const runs = modelFor(names, name, snapshot.servers, mayUse, () => 0);
  const target = data.find(({ id }) => id === runs);
  return target && aliasOf(target, name);
}

function aliasOf(target: Model, name: string): Model {
  return { ...target, id: name, root: target.id };
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
