import { chatOfMessages } from "../../../vllm/anthropic_chat.ts";
import { type AskServer, isIds } from "../ask_server.ts";
import type { KeptStream } from "../kept_stream.ts";

type Json = Record<string, unknown>;

/**
 * Asks a server for the token ids of a request's prompt. `/v1/messages` doesn't tell them, but a
 * chat with the same messages does, and the length of the first server's prompt confirms it;
 * `/v1/responses` tells them with `enable_response_messages`. Either computes one token, on a prompt
 * that the server has to read anyway.
 *
 * @returns `undefined` unless they are certain
 */
export async function promptIds(
  kept: KeptStream,
  request: Readonly<Json>,
  ask: AskServer,
): Promise<readonly number[] | undefined> {
  return kept.endpoint === "messages"
    ? await ofMessages(kept, request, ask)
    : await idsReadBy(ask, request);
}

async function ofMessages(
  kept: KeptStream,
  request: Readonly<Json>,
  ask: AskServer,
): Promise<readonly number[] | undefined> {
  const chat = chatOfMessages(request);
  if (!chat) return undefined;
  const answer = await ask("/v1/chat/completions", { ...chat, ...ONE, return_token_ids: true });
  const ids = answer?.prompt_token_ids;
  return isIds(ids) && ids.length === promptTokensIn(kept.opening[0]) ? ids : undefined;
}

/** The ids that `/v1/responses` reads for a request. */
export async function idsReadBy(
  ask: AskServer,
  { min_tokens: _, stream_options: __, ...request }: Readonly<Json>,
): Promise<readonly number[] | undefined> {
  const { input_messages: messages } = await ask("/v1/responses", {
    ...request,
    max_output_tokens: 1,
    stream: false,
    store: false,
    enable_response_messages: true,
  }) ?? {};
  const ids = Array.isArray(messages) && messages.length === 1 ? messages[0]?.tokens : undefined;
  return isIds(ids) ? ids : undefined;
}

const ONE = { max_tokens: 1, stream: false };

/** The length of the prompt that a `message_start` tells, cached or not. */
export function promptTokensIn(messageStart: Readonly<Json> | undefined): number | undefined {
  const { usage } = (messageStart?.message ?? {}) as { usage?: Json };
  if (typeof usage?.input_tokens !== "number") return undefined;
  const { cache_read_input_tokens: read, cache_creation_input_tokens: created } = usage;
  return usage.input_tokens + Number(read ?? 0) + Number(created ?? 0);
}
