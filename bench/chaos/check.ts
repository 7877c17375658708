import { type Aborts, explainAborts, freeingTimes } from "./aborts.ts";
import { readAnswer } from "./answer.ts";
import { kinds } from "./kinds.ts";
import { type Case, type Circumstances, type Fate, judge } from "./judge.ts";
import { countPhases, type Judged, type PhaseCounts, type Waits, waitsOf } from "./phases.ts";
import type { Plan } from "./plan.ts";
import { secondsOut, takenOut } from "./recovery.ts";
import { joinedLogs, type RouterLog } from "./router_log.ts";
import type { Run } from "./run.ts";
import { RECOVERY_SECONDS, type Schedule, type Span } from "./schedule.ts";
import { textOf } from "./servers.ts";

/** The verdict on a run. */
export interface Findings {
  readonly fates: ReadonlyMap<Fate, number>;
  readonly phases: readonly PhaseCounts[];
  readonly waits: Waits;
  readonly aborts: readonly Aborts[];
  /** How long servers kept working after their client disconnected, in milliseconds, sorted. */
  readonly freeing: readonly number[];
  /** For each fault-free turn of a server, the seconds until the router used it again. */
  readonly secondsOut: readonly number[];
  /** Everything that went wrong, one sentence each. */
  readonly problems: readonly Problem[];
}

/** Something that went wrong. */
export interface Problem {
  readonly what: string;
  /** The affected request, with everything known about it. */
  readonly story?: string;
}

/** The time the router takes to find out that all servers are out, in seconds. */
const KNOWN_AFTER_SECONDS = 1.5;
/** The limit on {@linkcode Findings.freeing}: ten times the goal, because machines are busy. */
const FREED_WITHIN_MS = 1000;
/** Far longer than a request waits before sound servers. */
const WAIT_AT_MOST_MS = 2000;
/** A peer that is silent for a second counts for nothing; three, because machines are busy. */
const PEER_LOST_WITHIN_MS = 3000;

const BREAKING = new Set(
  kinds.filter(({ breaksStreams }) => breaksStreams).map(({ name }) => name),
);

/** Judges every request of a run, and the state left after it. */
export function check(run: Run, plan: Plan, seed: number): Findings {
  const { asked, servers, routers: { members }, startedAt } = run;
  const logs = members.map(({ log }) => log);
  const told = joinedLogs(logs);
  const troubleOf = routerTroubles(run);
  const cases: Case[] = asked.map(({ asking, got }) => ({
    asking,
    got,
    said: readAnswer(got),
    attempts: servers.attempts.get(asking.id) ?? [],
    router: troubleOf(got),
  }));
  const circumstances = circumstancesOf(plan, startedAt, seed);
  const judged: Judged[] = [];
  const problems: Problem[] = [];
  for (const one of cases) {
    const { fate, problem } = judge(one, circumstances);
    judged.push({ one, fate });
    if (problem) {
      problems.push({ what: `${fate}: ${problem}`, story: storyOf(one, told, startedAt) });
    }
  }

  const aborts = explainAborts(cases, servers.simulators.length, told);
  aborts.forEach(({ server, aborted, unexplained }) => {
    for (const id of unexplained) {
      const one = cases.find(({ asking }) => asking.id === id)!;
      const what = `server ${server} saw a request aborted that nobody left`;
      problems.push({ what, story: storyOf(one, told, startedAt) });
    }
    const counted = servers.simulators[server]!.state().aborted;
    if (counted !== aborted) {
      const what = `server ${server} counts ${counted} aborted, ${aborted} are known by their id`;
      problems.push({ what });
    }
  });
  const freeing = freeingTimes(cases);
  const slowest = freeing.at(-1) ?? 0;
  const states = logs.map((log) =>
    log.states.map((state) => ({ ...state, at: (state.at - startedAt) / 1000 }))
  );
  for (const { server, at, to, reason } of states.flatMap((own) => takenOut(plan.faultFree, own))) {
    const what = "a server was taken out though nothing was wrong with it";
    problems.push({ what, story: `server ${server} ${to} at ${at.toFixed(2)} s: ${reason}` });
  }
  const waits = waitsOf(judged, plan, startedAt);
  const more = [
    ...run.leftOver.map((what) => `left over: ${what}`),
    ...logs.flatMap(({ errors }) => errors).map((error) => `a router said: ${error}`),
    ...members.flatMap(({ exitCodes }) => exitCodes).filter((code) => code !== 0)
      .map((code) => `a router ended with exit code ${code}`),
    ...run.disturbing.knownAfterMs.filter((ms) => ms > PEER_LOST_WITHIN_MS)
      .map((ms) => `a peer that was away counted for ${Math.round(ms)} ms`),
  ];
  if (slowest > FREED_WITHIN_MS) {
    more.push(`a server worked ${Math.round(slowest)} ms for a client that had left`);
  }
  if ((waits.troubled.at(-1) ?? 0) > WAIT_AT_MOST_MS) {
    more.push(`a request waited ${Math.round(waits.troubled.at(-1)!)} ms for a peer in trouble`);
  }
  problems.push(...more.map((what) => ({ what })));
  return {
    fates: new Map(
      [...Map.groupBy(judged, ({ fate }) => fate)].map(([fate, all]) => [fate, all.length]),
    ),
    phases: countPhases(judged, plan, told.moved, startedAt),
    waits,
    aborts,
    freeing,
    secondsOut: states.flatMap((own) => secondsOut(plan.faultFree, own)),
    problems,
  };
}

function circumstancesOf(schedule: Schedule, startedAt: number, seed: number): Circumstances {
  const at = (seconds: number) => startedAt + seconds * 1000;
  const { allOut, strikes } = schedule;
  // Requests in flight when a server's trouble ends may still suffer from it.
  const breaksStreams = (server: number, span: Span) =>
    strikes.some(({ from, to, name, ...strike }) =>
      strike.server === server && (BREAKING.has(name) || strike.trouble.kind === "replaced") &&
      at(from) <= span.to && at(to) >= span.from
    );
  return {
    textOf: (asking) => textOf(asking, seed),
    breaksStreams,
    allOut: allOut && { from: at(allOut.from), to: at(allOut.to + RECOVERY_SECONDS) },
    allOutKnown: allOut && { from: at(allOut.from + KNOWN_AFTER_SECONDS), to: at(allOut.to) },
  };
}

/** Returns what tells which trouble a request's router was in meanwhile. */
function routerTroubles({ disturbing, routers: { members } }: Run) {
  const troubles = disturbing.disturbed.flatMap(({ router, kind, from, to }) =>
    kind === "killed" || kind === "frozen"
      ? [{ kind, port: members[router]!.port, from, to } as const]
      : []
  );
  return ({ port, sentAt, endedAt }: Case["got"]): Case["router"] =>
    troubles.find((trouble) =>
      trouble.port === port && sentAt <= trouble.to && endedAt >= trouble.from
    )?.kind;
}

/** Describes everything known about a request in one line. */
function storyOf(
  { asking, got, said, attempts }: Case,
  { moved: allMoved, accounted }: Pick<RouterLog, "moved" | "accounted">,
  startedAt: number,
): string {
  const seconds = (ms: number) => ((ms - startedAt) / 1000).toFixed(2);
  const tried = attempts.map(({ server, how, endedAt }) =>
    `${how} at server ${server} ${seconds(endedAt)} s`
  );
  const moved = allMoved.get(asking.id)?.map(({ from, reason }) => `${reason} from server ${from}`);
  const account = accounted.get(asking.id);
  return [
    `request ${asking.id}, ${asking.stream ? "stream" : "document"} of ${asking.tokens} tokens`,
    `${seconds(got.sentAt)} to ${seconds(got.endedAt)} s`,
    `status ${got.status}, ${got.ended} after ${said.text.length / 4} tokens`,
    `attempts: ${tried.join(", ") || "none"}`,
    ...(moved ? [`moved: ${moved.join(", ")}`] : []),
    account
      ? `router: ${account.status} ${account.outcome} ${account.reason ?? ""}`.trim()
      : "router: no line",
    ...(asking.leaving ? [`leaving: ${asking.leaving.stage}`] : []),
  ].join("; ");
}
