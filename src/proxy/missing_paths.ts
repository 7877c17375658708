import type { Server } from "../fleet/state/server.ts";

/** Servers that don't have a path, and when each said so, in monotonic milliseconds. */
export type Lacking = ReadonlyMap<Readonly<Server>, number>;

/**
 * Remembers which servers lack which paths, so that in a fleet of different servers a request goes
 * to one that has its path at once. A server that was started anew is asked again.
 */
export interface MissingPaths {
  /** Returns the servers known to lack a path. */
  of(path: string): Lacking;
  /** Notes that a server answered that it doesn't have a path. */
  add(path: string, server: Readonly<Server>): void;
}

/** A server behind a gateway can be replaced without the router's noticing. */
const REMEMBERED_MS = 10_000;
/** Clients choose the ids in paths. */
const MOST_PATHS = 1_000;

const NONE: Lacking = new Map();

/** @param now monotonic time in milliseconds */
export function createMissingPaths(now: () => number): MissingPaths {
  const byPath = new Map<string, Map<Readonly<Server>, number>>();
  return {
    of(path) {
      const lacking = byPath.get(path);
      if (!lacking) return NONE;
      const oldest = now() - REMEMBERED_MS;
      for (const [server, at] of lacking) {
        if (at <= oldest) lacking.delete(server);
      }
      if (lacking.size === 0) byPath.delete(path);
      return lacking;
    },
    add(path, server) {
      const lacking = byPath.get(path) ?? new Map();
      lacking.set(server, now());
      byPath.set(path, lacking);
      if (byPath.size > MOST_PATHS) byPath.delete(byPath.keys().next().value!);
    },
  };
}
