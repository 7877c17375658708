import type { Case, Fate } from "./judge.ts";
import type { Phase, Plan } from "./plan.ts";
import { CALM_SECONDS } from "./peer_troubles.ts";
import type { Moved } from "./router_log.ts";
import { INTER_TOKEN_MS } from "./run.ts";
import type { Span } from "./schedule.ts";

/** A request and what became of it. */
export interface Judged {
  readonly one: Case;
  readonly fate: Fate;
}

/** What became of the requests of one part of a run. */
export interface PhaseCounts {
  readonly name: Phase["name"];
  readonly requests: number;
  /** Streams. */
  readonly streams: number;
  readonly answered: number;
  /** Streams that went on at another server, and how often. */
  readonly continued: number;
  /** Requests that moved to another server before their first token, and how often. */
  readonly moved: number;
  /** Streams with an option that only their own server could honour, broken visibly. */
  readonly broken: number;
  readonly lostWithRouter: number;
  /** Lost or answered incorrectly. */
  readonly lost: number;
}

/** Counts the requests by the part of the run in which they were sent. */
export function countPhases(
  judged: readonly Judged[],
  { phases }: Plan,
  moved: ReadonlyMap<string, readonly Moved[]>,
  startedAt: number,
): PhaseCounts[] {
  return phases.map((phase) => {
    const own = judged.filter(({ one: { got } }) => isWithin(got.sentAt, phase, startedAt));
    const having = (...fates: readonly Fate[]) =>
      own.filter(({ fate }) => fates.includes(fate)).length;
    const moves = own.flatMap(({ one: { asking } }) => moved.get(asking.id) ?? []);
    return {
      name: phase.name,
      requests: own.length,
      streams: own.filter(({ one: { asking } }) => asking.stream).length,
      answered: having("answered"),
      continued: moves.filter(({ isContinued }) => isContinued).length,
      moved: moves.filter(({ isContinued }) => !isContinued).length,
      broken: having("broken"),
      lostWithRouter: having("lost with its router"),
      lost: having("lost", "wrong"),
    };
  });
}

/** How long requests waited beyond the time of their tokens, in milliseconds, sorted. */
export interface Waits {
  /** Before the first trouble of a peer. */
  readonly calm: readonly number[];
  /** While peers were in trouble, at routers that were not themselves killed or frozen. */
  readonly troubled: readonly number[];
}

/** Servers are sound again this long after their last trouble, in seconds. */
const SOUND_AFTER_SECONDS = 3;

/** Returns how long the requests waited that met nothing but peers in trouble. */
export function waitsOf(
  judged: readonly Judged[],
  { phases }: Plan,
  startedAt: number,
): Waits {
  const phase = phases.find(({ name }) => name === "peers");
  if (!phase) return { calm: [], troubled: [] };
  const during = (span: Span) =>
    judged.filter(({ one, fate }) =>
      fate === "answered" && one.router === undefined &&
      isWithin(one.got.sentAt, span, startedAt)
    ).map(({ one: { asking, got } }) =>
      Math.max(0, got.endedAt - got.sentAt - asking.tokens * INTER_TOKEN_MS)
    ).sort((a, b) => a - b);
  const calmUntil = phase.from + CALM_SECONDS;
  return {
    calm: during({ from: phase.from + SOUND_AFTER_SECONDS, to: calmUntil }),
    troubled: during({ from: calmUntil, to: phase.to }),
  };
}

function isWithin(at: number, { from, to }: Span, startedAt: number): boolean {
  return at >= startedAt + from * 1000 && at < startedAt + to * 1000;
}
