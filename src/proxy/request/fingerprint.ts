import { BLOCK_BYTES, type PromptProfile } from "../../fleet/estimate/prompt_profile.ts";
import type { Members } from "./json_members.ts";
import type { Span } from "./json_scan.ts";

/** What of a body makes up its prompt, in the order in which a server's cache sees it. */
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
/** What stands for all that was said before, which only the server knows. */
const PREVIOUS = "previous_response_id";
/** What names a session. */
const SESSION = ["prompt_cache_key", "user"] as const;

/** The members of a body that tell of its work. */
export const PROMPT_MEMBERS = [...PROMPT, ...SESSION, "cache_salt", PREVIOUS] as const;

/** Where these members stand in a body. */
export type PromptMembers = Members<(typeof PROMPT_MEMBERS)[number]>;

/** What else is known of a request. */
export interface FingerprintOptions {
  readonly model: string | undefined;
  readonly stream: boolean;
  /** What the client says in a header belongs together. */
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
/** Text has a space or the like among so many bytes. */
const INLINE_LOOKED_AT = 256;
/** What one counts for: a thousand tokens or so. */
const INLINE_BYTES = 4_096;
/** Of its end so much is looked at, and of the rest its length. */
const INLINE_HASHED = 1_024;
/** Blocks of 8 MiB, more than any model's context: what is behind them is counted, not hashed. */
const MOST_BLOCKS = 8 * 1024 * 1024 / BLOCK_BYTES;
/** Of a salt or a session's name. */
const NAME_HASHED = 1_024;

/**
 * What a request will cost, as far as its body tells: how long its prompt is, and hashes of its
 * beginning in blocks, each made of all text before it. The text is taken as it stands in the
 * body, escapes and all: a client that goes on with a conversation sends its beginning again.
 */
export function fingerprint(
  body: Uint8Array,
  { values, longStrings }: PromptMembers,
  { model, stream, session }: FingerprintOptions,
): PromptProfile {
  let promptBytes = 0;
  const blocks: number[] = [];
  // A model, or an adapter of one, and a salt have caches of their own.
  let hash = hashOfText(model ?? "", SEED);
  if (values.cache_salt) hash = hashOfName(body, values.cache_salt, hash);
  const cacheHash = hash;
  let inBlock = 0;
  const takeText = (start: number, stop: number) => {
    promptBytes += stop - start;
    for (let at = start; at < stop && blocks.length < MOST_BLOCKS;) {
      const end = Math.min(stop, at + BLOCK_BYTES - inBlock);
      hash = hashOf(body, at, end, hash);
      inBlock += end - at;
      at = end;
      if (inBlock < BLOCK_BYTES) continue;
      blocks.push(hash);
      inBlock = 0;
    }
  };
  // An image costs a server about as much as some pages of text, however large its data are.
  const takeInline = (start: number, stop: number) => {
    promptBytes += INLINE_BYTES;
    if (blocks.length >= MOST_BLOCKS) return;
    hash = hashOf(body, Math.max(start, stop - INLINE_HASHED), stop, hash ^ (stop - start));
    for (let at = 0; at < INLINE_BYTES; at += BLOCK_BYTES) {
      hash = Math.imul(hash ^ at, PRIME);
      blocks.push(hash);
    }
  };
  const isWhole = !values[PREVIOUS] || isNull(body, values[PREVIOUS]);
  for (const name of isWhole ? PROMPT : []) {
    const span = values[name];
    if (!span) continue;
    let [at] = span;
    for (const [start, stop] of inlineData(body, span, longStrings)) {
      takeText(at, start);
      takeInline(start, stop);
      at = stop;
    }
    takeText(at, span[1]);
  }
  return {
    model,
    // An upload's prompt, or one in a member of another name, is not told apart from the rest.
    promptBytes: promptBytes === 0 ? undefined : promptBytes,
    blocks,
    session: sessionOf(body, values, session, cacheHash, blocks.length > 0),
    stream,
  };
}

function isNull(body: Uint8Array, [start]: Span): boolean {
  return body[start] === LETTER_N;
}

/**
 * Images, audio and files of some size: strings such as `"data:image/png;base64,…"`, or what a
 * member `data` holds, if it isn't text.
 */
function inlineData(
  body: Uint8Array,
  [start, end]: Span,
  longStrings: readonly Span[],
): readonly Span[] {
  return longStrings.filter(([at, stop]) => at >= start && stop <= end && isInline(body, at));
}

function isInline(body: Uint8Array, quote: number): boolean {
  if (standsAt(body, INLINE, quote + 1)) return true;
  const colon = lastBefore(body, quote);
  if (body[colon] !== COLON) return false;
  const nameEnd = lastBefore(body, colon) + 1;
  return standsAt(body, DATA, nameEnd - DATA.length) &&
    body.subarray(quote + 1, quote + INLINE_LOOKED_AT).every((byte) => BASE64.has(byte));
}

function standsAt(body: Uint8Array, text: Uint8Array, at: number): boolean {
  return text.every((byte, i) => body[at + i] === byte);
}

/** Where the last byte before that one stands that is no white space. */
function lastBefore(body: Uint8Array, at: number): number {
  do at--; while (body[at]! <= SPACE);
  return at;
}

function sessionOf(
  body: Uint8Array,
  values: PromptMembers["values"],
  given: string | undefined,
  seed: number,
  tells: boolean,
): number | undefined {
  if (given !== undefined) return hashOfText(given, seed);
  // Many clients have one user for all they ask: where the text tells more, it is believed.
  const span = values.prompt_cache_key ?? (tells ? undefined : values.user);
  return span && hashOfName(body, span, seed);
}

const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/** FNV-1a of 32 bits. A collision costs a wrong guess, and no more. */
function hashOf(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  // As it is, a whole number with a sign: those above 2^31 cost a map more.
  return hash;
}

function hashOfName(body: Uint8Array, [start, end]: Span, seed: number): number {
  return hashOf(body, start, Math.min(end, start + NAME_HASHED), seed);
}

function hashOfText(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash;
}
