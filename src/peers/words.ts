import type { Uses } from "../auth/peer_use.ts";
import { packed, unpacked } from "../fleet/estimate/packed.ts";
import { HASHING } from "../fleet/estimate/prompt_profile.ts";
import { MOST_TOLD_BLOCKS, type PeerEvent } from "../fleet/peers/event.ts";

// What a router sends to its peers: lines of JSON. A hello comes first, and again after events were
// dropped. It is followed by all requests in flight and all that is spent of limits. Every other
// line is either a list of events, where an empty list is a heartbeat, or what was spent of limits
// since the last such line.

/** Raise it with each change to the lines. A peer with another version is refused. */
export const PEER_VERSION = 1;
/** Longest line that is read, in bytes. */
export const MOST_LINE_BYTES = 1 << 20;
/** Most events that are read of one line. */
export const MOST_EVENTS = 8_192;

/** The first words of a router. */
export interface Hello {
  /** Differs with each start of a router. */
  readonly instance: string;
  readonly version: number;
  /** How prompts are hashed. Blocks of a different hashing can't be compared. */
  readonly hashing: number;
}

/** A parsed line. */
export type Words =
  | { readonly hello: Hello }
  | { readonly events: readonly PeerEvent[] }
  | { readonly spent: Uses };

const MOST_TOKENS = 10_000_000;
const MOST_SPENT = 1e12;
const MOST_MS = 3_600_000;

/** Writes a hello. */
export function helloLine(instance: string): string {
  return JSON.stringify({ version: PEER_VERSION, hashing: HASHING, instance }) + "\n";
}

/** Writes events. */
export function eventsLine(events: readonly PeerEvent[]): string {
  return JSON.stringify(events.map(toWire)) + "\n";
}

/** Writes what is spent of limits. */
export function spentLine(spent: Uses): string {
  return JSON.stringify({ spent }) + "\n";
}

/**
 * Parses a line, which may be anything. Leaves out events that are not valid, and limits numbers to
 * plausible ranges.
 *
 * @returns `undefined` if it isn't a line of this version
 */
export function parseLine(line: string): Words | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (Array.isArray(raw)) {
    return {
      events: raw.slice(0, MOST_EVENTS).map(fromWire).filter((event) => event !== undefined),
    };
  }
  if (typeof raw !== "object" || raw === null) return undefined;
  const { version, hashing, instance, spent } = raw as Record<string, unknown>;
  if (Array.isArray(spent)) {
    return { spent: spent.slice(0, MOST_EVENTS).map(spentIn).filter((pair) => pair !== undefined) };
  }
  if (typeof instance !== "string" || !isInstance(instance)) return undefined;
  if (typeof version !== "number" || typeof hashing !== "number") return undefined;
  return { hello: { version, hashing, instance } };
}

/** Whether a text can name a start of a router. */
export function isInstance(text: string): boolean {
  return /^[\w-]{1,64}$/.test(text);
}

function toWire(event: PeerEvent): readonly unknown[] {
  if (event.kind === "computed") return ["c", event.id];
  if (event.kind === "ended") return ["e", event.id, packed(event.blocks)];
  const { id, server, promptTokens, ownTokens, expectedMs, ageMs, session, blocks } = event;
  const flags = Number(event.stream) + 2 * Number(event.queued) + 4 * Number(event.computed);
  const numbers = [promptTokens, ownTokens, expectedMs, ageMs].map(Math.round);
  return ["s", id, server, flags, ...numbers, packed(blocks), session ?? null];
}

function fromWire(raw: unknown): PeerEvent | undefined {
  if (!Array.isArray(raw)) return undefined;
  const [kind, id] = raw;
  if (!isCount(id)) return undefined;
  if (kind === "c") return { kind: "computed", id };
  if (kind === "e") return { kind: "ended", id, blocks: blocksIn(raw[2]) };
  const [, , server, flags, promptTokens, ownTokens, expectedMs, ageMs, blocks, session] = raw;
  if (kind !== "s" || !isCount(server) || !isCount(flags)) return undefined;
  const prompt = within(promptTokens, MOST_TOKENS);
  return {
    kind: "sent",
    id,
    server,
    promptTokens: prompt,
    ownTokens: within(ownTokens, prompt),
    stream: (flags & 1) !== 0,
    queued: (flags & 2) !== 0,
    computed: (flags & 4) !== 0,
    expectedMs: within(expectedMs, MOST_MS),
    ageMs: within(ageMs, MOST_MS),
    session: isHash(session) ? session : undefined,
    blocks: blocksIn(blocks),
  };
}

function spentIn(raw: unknown): Uses[number] | undefined {
  if (!Array.isArray(raw) || !isCount(raw[0])) return undefined;
  return [raw[0], Math.round(within(raw[1], MOST_SPENT))];
}

function blocksIn(raw: unknown): readonly number[] {
  return typeof raw === "string" ? unpacked(raw, MOST_TOLD_BLOCKS) ?? [] : [];
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHash(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value;
}

function within(value: unknown, most: number): number {
  return typeof value === "number" && value > 0 ? Math.min(value, most) : 0;
}
