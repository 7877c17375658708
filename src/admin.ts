import { type AdminAppOptions, createAdminApp } from "./api/admin_app.ts";
import { createServerChanges } from "./api/change_servers.ts";
import { createLora } from "./api/lora.ts";
import { createMayChange, isLoopback } from "./api/may_change.ts";
import { workerUrlRoutes } from "./api/worker_urls.ts";
import { workerRoutes } from "./api/workers.ts";
import type { Access } from "./config/config.ts";
import type { AddedServers } from "./discovery/added/added_servers.ts";
import type { Sources } from "./discovery/sources.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { ClientPool } from "./http/client_pool.ts";
import type { RunningPeers } from "./peers/start_peers.ts";
import type { Poller } from "./polling/poller.ts";

/** What the admin address shows, and what it changes. */
export interface AdminOptions extends
  Omit<
    AdminAppOptions,
    "hosts" | "setDrained" | "loadAdapter" | "workers" | "whyNot" | "hearPeer"
  > {
  readonly access: () => Access;
  /** The address that is listened on; `undefined` if there is none. */
  readonly hostname: string | undefined;
  readonly fleet: Fleet;
  readonly added: AddedServers;
  readonly sources: Pick<Sources, "applied">;
  readonly connections: Pick<ClientPool, "to">;
  readonly poller: Pick<Poller, "relist">;
  readonly peers: Pick<RunningPeers, "hear">;
  readonly onWrongKey: (address: string) => void;
}

/** Assembles the app that answers at the admin address. */
export function createAdmin(options: AdminOptions): ReturnType<typeof createAdminApp> {
  const { access, hostname = "", fleet, added, sources, connections, poller, onWrongKey } = options;
  const setDrained = (name: string, drained: boolean) => fleet.setDrained(name, drained);
  const changes = createServerChanges({
    all: () => fleet.servers,
    added,
    applied: () => sources.applied(),
  });
  return createAdminApp({
    ...options,
    hosts: () => access().adminHosts,
    setDrained,
    loadAdapter: createLora({
      servers: () => fleet.servers,
      connections,
      relist: () => poller.relist(true),
    }),
    hearPeer: options.peers.hear,
    workers: { ...workerRoutes(changes, setDrained), ...workerUrlRoutes(changes) },
    whyNot: createMayChange({
      keys: () => access().adminKeys,
      isLocal: isLoopback(hostname),
      onWrongKey,
    }),
  });
}
