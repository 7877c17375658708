import { type ApiError, forbiddenModel } from "../../http/api_errors.ts";
import type { Exchange } from "../../http/exchange.ts";
import { pathIn } from "../../http/paths.ts";
import type { Client, ModelFor } from "../client.ts";
import type { Body } from "./body_buffer.ts";
import type { ParsedRequest } from "./classify.ts";

/** A request without a body. */
export type Get = Omit<ParsedRequest, "modelPlace"> & { readonly body: Body };

export const NO_BODY: Body = { bytes: new Uint8Array(), replace() {}, drop() {} };

/**
 * Reads a GET, which names its model in the query, and runs no engine.
 *
 * @param modelFor returns the model that runs for the name that a client asked for
 */
export function readGet(
  { target }: Pick<Exchange, "target">,
  client: Client,
  modelFor: ModelFor,
): Get | ApiError {
  const query = target.slice(pathIn(target).length);
  const asked = new URLSearchParams(query).get("model") || undefined;
  const model = modelFor(asked, client.mayUse);
  if (!client.mayUse(model)) return forbiddenModel(model);
  return {
    stream: false,
    profile: { model, promptBytes: 0, blocks: [], session: undefined, stream: false },
    continuable: { refused: "endpoint" },
    body: NO_BODY,
  };
}
