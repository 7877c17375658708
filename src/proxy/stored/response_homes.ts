import { LRUCache } from "lru-cache";
import type { Server } from "../../fleet/state/server.ts";

/** Where a response is stored, and for whom. */
export interface Home {
  readonly server: Readonly<Server>;
  /** The model that ran. */
  readonly model: string | undefined;
  /** The model's name as the client asked for it, if another one ran. */
  readonly asked: string | undefined;
  /** The name of the key that it was created with. */
  readonly keyName: string | undefined;
}

/**
 * Remembers which server has which response: vLLM keeps them in the memory of the server that
 * answered (issue 18).
 */
export interface ResponseHomes {
  of(id: string): Home | undefined;
  remember(id: string, home: Home): void;
}

/** Each takes about 200 bytes. */
const MOST = 50_000;
/** Counted from the last use. A server forgets its responses only when it ends. */
const REMEMBERED_MS = 24 * 60 * 60 * 1_000;

export function createResponseHomes(): ResponseHomes {
  const homes = new LRUCache<string, Home>({
    max: MOST,
    ttl: REMEMBERED_MS,
    // Otherwise each use starts a timer, which Deno can't unref.
    ttlResolution: 0,
    updateAgeOnGet: true,
  });
  return {
    of: (id) => homes.get(id),
    remember: (id, home) => void homes.set(id, home),
  };
}
