import { BLOCK_BYTES, type PromptProfile } from "../../fleet/estimate/prompt_profile.ts";
import type { Members } from "./json_members.ts";
import type { Span } from "./json_scan.ts";

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
/** The weight of one inline item: about a thousand tokens. */
const INLINE_BYTES = 4_096;
/** Only its last bytes, up to this many, and its length are hashed. */
const INLINE_HASHED = 1_024;
/** 8 MiB of blocks, more than any model's context: the rest is counted, not hashed. */
const MOST_BLOCKS = 8 * 1024 * 1024 / BLOCK_BYTES;
/** Bytes hashed of a salt or a session's name. */
const NAME_HASHED = 1_024;

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
  let promptBytes = 0;
  const blocks: number[] = [];
  // Each model, adapter and salt has its own cache.
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
  // An image costs a server about as much as a few pages of text, however large its data is.
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
    // The prompt of an upload, or in a member of another name, can't be told apart from the rest.
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
  return span && hashOfName(body, span, seed);
}

const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/**
 * 32-bit MurmurHash3 (A. Appleby) without its final mix, and FNV-1a for the last bytes: half the
 * time of FNV-1a alone. A collision only costs a wrong guess.
 */
function hashOf(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    const mixed = Math.imul(word, 0xcc9e2d51);
    hash ^= Math.imul(mixed << 15 | mixed >>> 17, 0x1b873593);
    hash = Math.imul(hash << 13 | hash >>> 19, 5) + 0xe6546b64 | 0;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  // Stays a signed integer: numbers of 2^31 and above are slower as keys of a map.
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
