import type { PromptProfile } from "../../fleet/estimate/prompt_profile.ts";
import { concat } from "../../util/bytes.ts";
import type { Members } from "./json_members.ts";
import type { Span } from "./json_scan.ts";
import { type NextTurn, nextTurnOf } from "./next_turn.ts";
import {
  blockStart,
  type Cut,
  cutInline,
  cutText,
  hashOfName,
  hashOfText,
  INLINE_BYTES,
  MOST_BLOCKS,
  newCut,
  SEED,
} from "./prompt_blocks.ts";

/** The members that make up a prompt, in the order in which a server's cache sees them. */
const PROMPT = [
  "system",
  "instructions",
  "tools",
  "query",
  "queries",
  "documents",
  "messages",
  "prompt",
  "input",
  "text_1",
  "text_2",
  "texts",
  "token_ids",
] as const;
/** Refers to everything said before, which only the server knows. */
const PREVIOUS = "previous_response_id";
/** The members that a conversation's next request repeats, with the answer. */
const CONTINUED: ReadonlySet<string> = new Set(["messages", "prompt", "input"]);
/** Members that identify a session. */
const SESSION = ["session_id", "prompt_cache_key", "user"] as const;

/** The members of a body that determine its work. */
export const PROMPT_MEMBERS = [...PROMPT, ...SESSION, "cache_salt", PREVIOUS] as const;

/** The positions of these members in a body. */
export type PromptMembers = Members<(typeof PROMPT_MEMBERS)[number]>;

/** Other facts about a request. */
export interface FingerprintOptions {
  readonly model: string | undefined;
  readonly stream: boolean;
  /** The client's session, from a header. */
  readonly session?: string | undefined;
}

const encoder = new TextEncoder();
const INLINE = encoder.encode("data:");
const DATA = encoder.encode('"data"');
const BASE64 = new Set(
  encoder.encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="),
);
const SPACE = 0x20;
const COLON = 0x3a;
const LETTER_N = 0x6e;
/** Text has a space or other non-Base64 character within this many bytes. */
const INLINE_LOOKED_AT = 256;

/**
 * Profiles the work of a request from its body: the length of its prompt, and hashes of the
 * prompt's blocks, each covering all text before it. The text is hashed as it appears in the body,
 * including escapes: a client that continues a conversation sends the same beginning again.
 */
export function fingerprint(
  body: Uint8Array,
  { values, longStrings }: PromptMembers,
  { model, stream, session }: FingerprintOptions,
): PromptProfile {
  // Each model, adapter and salt has its own cache.
  const modelHash = hashOfText(model ?? "", SEED);
  const cacheHash = values.cache_salt
    ? hashOfName(body, ...values.cache_salt, modelHash)
    : modelHash;
  const cut = newCut(cacheHash);
  const isWhole = !values[PREVIOUS] || isNull(body, values[PREVIOUS]);
  const members = isWhole ? PROMPT.filter((name) => values[name]) : [];
  const last = members.at(-1);
  const turn = last && CONTINUED.has(last) ? nextTurnOf(body, values[last]!) : undefined;
  let promptBytes = 0;
  let continued: PromptProfile["continued"];
  for (const name of members) {
    const span = values[name]!;
    let [at] = span;
    promptBytes += span[1] - at;
    for (const [start, stop] of inlineData(body, span, longStrings)) {
      cutText(cut, body, at, start);
      // An image costs a server about as much as a few pages of text, however large its data is.
      cutInline(cut, body, start, stop);
      promptBytes += INLINE_BYTES - (stop - start);
      at = stop;
    }
    if (turn && name === last) {
      const from = blockStart(cut, at, turn.at);
      cutText(cut, body, at, from);
      continued = continuing(cut, body.subarray(from, turn.at), turn);
      at = from;
    }
    cutText(cut, body, at, span[1]);
  }
  return {
    model,
    // The prompt of an upload, or in a member of another name, can't be told apart from the rest.
    promptBytes: promptBytes === 0 ? undefined : promptBytes,
    blocks: cut.blocks,
    session: sessionOf(body, values, session, cacheHash, cut.blocks.length > 0),
    stream,
    ...(continued && { continued }),
  };
}

/** Returns what cuts the next request's prompt into blocks, up to the end of the answer. */
function continuing(
  { blocks, hash, inBlock }: Cut,
  open: Uint8Array,
  { before, after }: NextTurn,
): PromptProfile["continued"] {
  const count = blocks.length;
  if (count >= MOST_BLOCKS) return undefined;
  // Copied, since the body's memory is given back before the answer ends.
  const begun = concat([open, ...before]).slice();
  const rest = concat(after).slice();
  return (answer) => {
    const further = newCut(hash, inBlock);
    const text = concat([begun, answer, rest]);
    cutText(further, text, 0, text.length);
    return [...blocks.slice(0, count), ...further.blocks];
  };
}

function isNull(body: Uint8Array, [start]: Span): boolean {
  return body[start] === LETTER_N;
}

/**
 * Finds large inline images, audio and files: strings such as `"data:image/png;base64,…"`, or
 * the value of a member `data` if it isn't text.
 */
function inlineData(
  body: Uint8Array,
  [start, end]: Span,
  longStrings: readonly Span[],
): readonly Span[] {
  return longStrings.filter(([at, stop]) => at >= start && stop <= end && isInline(body, at));
}

function isInline(body: Uint8Array, quote: number): boolean {
  if (isAt(body, INLINE, quote + 1)) return true;
  const colon = lastBefore(body, quote);
  if (body[colon] !== COLON) return false;
  const nameEnd = lastBefore(body, colon) + 1;
  return isAt(body, DATA, nameEnd - DATA.length) &&
    body.subarray(quote + 1, quote + INLINE_LOOKED_AT).every((byte) => BASE64.has(byte));
}

function isAt(body: Uint8Array, text: Uint8Array, at: number): boolean {
  return text.every((byte, i) => body[at + i] === byte);
}

/** Returns the position of the last byte before `at` that is not white space. */
function lastBefore(body: Uint8Array, at: number): number {
  do at--; while (body[at]! <= SPACE);
  return at;
}

function sessionOf(
  body: Uint8Array,
  values: PromptMembers["values"],
  given: string | undefined,
  seed: number,
  hasBlocks: boolean,
): number | undefined {
  if (given !== undefined) return hashOfText(given, seed);
  // Many clients send one user for all requests: the prompt's blocks, if any, say more.
  const span = values.session_id ?? values.prompt_cache_key ??
    (hasBlocks ? undefined : values.user);
  return span && hashOfName(body, ...span, seed);
}
