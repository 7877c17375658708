import { type ApiError, forbiddenModel } from "../../http/api_errors.ts";
import { pathIn } from "../../http/paths.ts";
import type { Client } from "../client.ts";
import { type Get, NO_BODY } from "../request/read_get.ts";
import type { ResponseHomes } from "./response_homes.ts";

/**
 * Reads a request about a stored response, which names no model.
 */
export function readStored(
  id: string,
  target: string,
  client: Client,
  homes: ResponseHomes,
): Get & { readonly asked: string | undefined } | ApiError {
  const query = new URLSearchParams(target.slice(pathIn(target).length));
  const isStream = query.get("stream") === "true";
  const home = homes.of(id);
  const model = home?.model;
  // Of one that isn't known, since the router was started anew, the model isn't either.
  if (!home && !client.mayUse(undefined)) return forbiddenModel(undefined);
  return {
    stream: isStream,
    profile: { model, promptBytes: 0, blocks: [], session: undefined, stream: isStream },
    continuable: { refused: "endpoint" },
    body: NO_BODY,
    asked: home?.asked,
    refersTo: id,
  };
}
