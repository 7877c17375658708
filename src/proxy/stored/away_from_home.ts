import type { Fleet } from "../../fleet/fleet.ts";
import { isRoutable, type Server, stateOf } from "../../fleet/state/server.ts";
import { type ApiError, responseGone, unknownResponse } from "../../http/api_errors.ts";
import type { Client } from "../client.ts";
import type { ResponseHomes } from "./response_homes.ts";

/**
 * Returns the servers that don't have a stored response, each as tried for good; none if nothing is
 * known of it. A response belongs to the key that it was created with, and ends with its server.
 */
export function awayFromHome(
  id: string,
  { client }: { readonly client: Pick<Client, "keyName"> },
  homes: ResponseHomes,
  { servers }: Pick<Fleet, "servers">,
): ReadonlyMap<Readonly<Server>, number> | ApiError {
  const home = homes.of(id);
  if (!home) return new Map();
  const { server } = home;
  if (home.keyName !== client.keyName) return unknownResponse(id);
  if (!servers.includes(server) || !isRoutable(stateOf(server))) {
    return responseGone(id, server.config.name);
  }
  return new Map(servers.filter((other) => other !== server).map((other) => [other, Infinity]));
}
