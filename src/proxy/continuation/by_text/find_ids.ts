import { type AskServer, isIds } from "../ask_server.ts";
import type { KeptStream } from "../kept_stream.ts";
import { modelIn, nextRequest } from "../next_body.ts";
import { idsReadBy, promptIds } from "./prompt_ids.ts";
import { type Tokenize, tokensOfParts } from "./tokens_of_text.ts";

/**
 * Finds the token ids of the prompt and of what was sent, where answers tell none.
 *
 * @returns `ignored` if the server doesn't read a prompt's ids, `inexact` if they aren't certain
 */
export async function findIds(
  kept: KeptStream,
  ask: AskServer,
): Promise<"found" | "inexact" | "ignored"> {
  const { request } = kept;
  if (request === "unreadable") return "inexact";
  const parts = kept.parts();
  if (parts.length === 0) return "found";
  const [prompt, sent] = await Promise.all([
    promptIds(kept, request, ask),
    tokensOfParts(parts, tokenizeBy(ask, modelIn(kept))),
  ]);
  if (!prompt || !sent) return "inexact";
  kept.setIds(prompt, sent);
  // A message tells how long its prompt is before its text. A response tells too late.
  if (kept.endpoint === "messages") return "found";
  const read = await idsReadBy(ask, nextRequest(kept, "ids"));
  return read?.join() === kept.idsSoFar() ? "found" : "ignored";
}

function tokenizeBy(ask: AskServer, model: unknown): Tokenize {
  return async (prompt) => {
    const body = { model, prompt, add_special_tokens: false, return_token_strs: true };
    const { tokens: ids, token_strs: names } = await ask("/tokenize", body) ?? {};
    return isIds(ids) && isNames(names) ? { ids, names } : undefined;
  };
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}
