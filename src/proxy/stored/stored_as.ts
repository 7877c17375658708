import type { Server } from "../../fleet/state/server.ts";
import { withMember } from "../quota/with_member.ts";
import type { Home, ResponseHomes } from "./response_homes.ts";

/** The response that a request creates. */
export interface StoredAs {
  /** Its id, as the client may have read it, once a server has given one. */
  readonly id: string | undefined;
  /** Notes the id under which a server stores its answer. */
  note(id: string, server: Readonly<Server>): void;
}

export function createStoredAs(homes: ResponseHomes, about: Omit<Home, "server">): StoredAs {
  const stored: StoredAs & { id: string | undefined } = {
    id: undefined,
    note(id, server) {
      stored.id = id;
      homes.remember(id, { ...about, server });
    },
  };
  return stored;
}

/**
 * Gives a request the id that the client has already read, from a server that failed before its
 * first token: the client reads one response.
 */
export function withId(body: Uint8Array<ArrayBuffer>, id: string): Uint8Array<ArrayBuffer> {
  return withMember(body, "request_id", JSON.stringify(id), false);
}
