import { createRandom, type Random } from "../../src/simulator/random.ts";
import { type Kind, kinds, type Trouble } from "./kinds.ts";

/** A time span in seconds since the start, including `from`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** One temporary trouble of one server. */
export interface Strike extends Span {
  /** The server's index. */
  readonly server: number;
  /** The name used in the report. */
  readonly name: string;
  readonly trouble: Trouble;
}

/** All troubles of a run. */
export interface Schedule {
  /** In order of their start. */
  readonly strikes: readonly Strike[];
  /** When no server can be reached; undefined if the run is too short for that. */
  readonly allOut: Span | undefined;
  /** When a server is fault-free, for longer than any request waits for its first token. */
  readonly faultFree: readonly (Span & { readonly server: number })[];
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly servers: number;
}

/**
 * A request may hit every server but one in trouble, and meet silence at each. For all that time
 * one server must be fault-free. So two servers are fault-free at any time, each for two such
 * turns in a row.
 */
export const TURN_SECONDS = 9;
/** The longest time the router takes to notice that servers are back after all were out. */
export const RECOVERY_SECONDS = 4;
const ALL_OUT_SECONDS = 3;
/** A shorter run, in seconds, has no time before and after all servers are out. */
const SHORTEST_WITH_ALL_OUT = 20;
/** No trouble begins within this time before the end. */
const QUIET_END_SECONDS = 1;

/** Draws all troubles and their times. The same options give the same schedule. */
export function createSchedule({ seed, seconds, servers }: ScheduleOptions): Schedule {
  const random = createRandom(seed);
  const drawKind = deck(random);
  const end = seconds - QUIET_END_SECONDS;
  const from = seconds * (0.4 + 0.2 * random());
  const allOut = seconds < SHORTEST_WITH_ALL_OUT ? undefined : { from, to: from + ALL_OUT_SECONDS };
  // Servers may still be in trouble when all go out, but each starts fresh afterwards.
  const halves: Span[] = allOut
    ? [{ from: 0, to: allOut.from }, { from: allOut.to + RECOVERY_SECONDS, to: end }]
    : [{ from: 0, to: end }];
  const faultFree = halves.flatMap((half) => turns(half, shuffled(servers, random)));
  const strikes: Strike[] = [];
  for (let server = 0; server < servers; server++) {
    for (const half of halves) {
      const own = faultFree.filter((span) => span.server === server);
      for (const span of without(half, own)) {
        strikes.push(...fill(span, server, random, drawKind));
      }
    }
    if (allOut) {
      strikes.push({ ...allOut, server, name: "all out", trouble: { kind: "refuse" } });
    }
  }
  strikes.sort((a, b) => a.from - b.from);
  return { strikes, allOut, faultFree };
}

/** Makes one server after another fault-free for two turns, overlapping the next by one. */
function turns(half: Span, order: readonly number[]): Schedule["faultFree"] {
  const spans = [];
  for (let turn = 0; half.from + (turn - 1) * TURN_SECONDS < half.to; turn++) {
    const from = Math.max(half.from, half.from + (turn - 1) * TURN_SECONDS);
    const to = Math.min(half.to, half.from + (turn + 1) * TURN_SECONDS);
    spans.push({ server: order[turn % order.length]!, from, to });
  }
  return spans;
}

/** Subtracts other spans from a span. */
function without(span: Span, others: readonly Span[]): Span[] {
  const left: Span[] = [];
  let from = span.from;
  for (const other of others.toSorted((a, b) => a.from - b.from)) {
    if (other.to <= from || other.from >= span.to) continue;
    if (other.from > from) left.push({ from, to: other.from });
    from = other.to;
  }
  if (from < span.to) left.push({ from, to: span.to });
  return left;
}

/** Fills a span with one trouble after another, with a short pause between two. */
function fill(span: Span, server: number, random: Random, drawKind: Deck): Strike[] {
  const strikes: Strike[] = [];
  const rest = () => 0.1 + 0.4 * random();
  for (let from = span.from + rest(); from < span.to;) {
    const kind = drawKind(span.to - from);
    if (!kind) break;
    const [least, most] = kind.lasts;
    const to = from + least + (Math.min(most, span.to - from) - least) * random();
    strikes.push({ server, name: kind.name, from, to, trouble: kind.draw(random) });
    from = to + rest();
  }
  return strikes;
}

/** Draws the next kind that fits into this many seconds, if any. */
type Deck = (seconds: number) => Kind | undefined;

/** Deals every kind once before repeating any, as far as they fit. */
function deck(random: Random): Deck {
  let left: Kind[] = [];
  return (seconds) => {
    if (left.length === 0) left = shuffled(kinds.length, random).map((index) => kinds[index]!);
    const index = left.findIndex(({ lasts: [least] }) => least <= seconds);
    return index < 0 ? undefined : left.splice(index, 1)[0];
  };
}

function shuffled(count: number, random: Random): number[] {
  const numbers = Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [numbers[index], numbers[other]] = [numbers[other]!, numbers[index]!];
  }
  return numbers;
}
