import { packed, unpacked } from "../estimate/packed.ts";
import { HASHING } from "../estimate/prompt_profile.ts";
import { MOST_TOLD_BLOCKS, type PeerEvent } from "./event.ts";

// What a router says to its peers: lines of JSON. A hello stands first, and again when words were
// left out; it is followed by all requests in flight, and by all that is spent of limits. Every other
// line is a list of events, of which an empty one only shows that the router is there, or has what
// was spent of limits since the last.

/** Raised by a change to the lines. A peer of another version is not listened to. */
export const PEER_VERSION = 1;
/** Longer lines are not read. */
export const MOST_LINE_BYTES = 1 << 20;
/** More events of one line are not read. */
export const MOST_EVENTS = 8_192;

/** The first words of a router. */
export interface Hello {
  /** Differs with each start of a router. */
  readonly instance: string;
  readonly version: number;
  /** How prompts are hashed. Blocks of another one mean nothing. */
  readonly hashing: number;
}

/** A line that was understood. */
export type Words =
  | { readonly hello: Hello }
  | { readonly events: readonly PeerEvent[] }
  | { readonly spent: LimitUses };

/** Pairs of a limit's number, and how much of it counts as spent at the router. */
export type LimitUses = readonly (readonly [limit: number, amount: number])[];

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
export function spentLine(spent: LimitUses): string {
  return JSON.stringify({ spent }) + "\n";
}

/**
 * Reads a line, which may be anything. An event that makes no sense is left out, and numbers beyond
 * a bound are cut to it.
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
  if (typeof instance !== "string" || !/^[\w-]{1,64}$/.test(instance)) return undefined;
  if (typeof version !== "number" || typeof hashing !== "number") return undefined;
  return { hello: { version, hashing, instance } };
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

function spentIn(raw: unknown): LimitUses[number] | undefined {
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
