import { type Aborts, explainAborts, freeingTimes } from "./aborts.ts";
import { readAnswer } from "./answer.ts";
import { kinds } from "./kinds.ts";
import { type Case, type Circumstances, type Fate, judge } from "./judge.ts";
import { secondsOut, takenOut } from "./recovery.ts";
import type { Run } from "./run.ts";
import { RECOVERY_SECONDS, type Schedule, type Span } from "./schedule.ts";
import { textOf } from "./servers.ts";

/** The verdict on a run. */
export interface Findings {
  readonly fates: ReadonlyMap<Fate, number>;
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

const BREAKING = new Set(
  kinds.filter(({ breaksStreams }) => breaksStreams).map(({ name }) => name),
);

/** Judges every request of a run, and the state left after it. */
export function check(run: Run, schedule: Schedule, seed: number): Findings {
  const { asked, servers, router, startedAt } = run;
  const cases: Case[] = asked.map(({ asking, got }) => ({
    asking,
    got,
    said: readAnswer(got),
    attempts: servers.attempts.get(asking.id) ?? [],
  }));
  const circumstances = circumstancesOf(schedule, startedAt, seed);
  const fates = new Map<Fate, number>();
  const problems: Problem[] = [];
  for (const one of cases) {
    const { fate, problem } = judge(one, circumstances);
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
    if (problem) problems.push({ what: `${fate}: ${problem}`, story: storyOf(one, run) });
  }

  const { accounted, moved } = router.log;
  const aborts = explainAborts(cases, servers.simulators.length, { moved, accounted });
  aborts.forEach(({ server, aborted, unexplained }) => {
    for (const id of unexplained) {
      const one = cases.find(({ asking }) => asking.id === id)!;
      const what = `server ${server} saw a request aborted that nobody left`;
      problems.push({ what, story: storyOf(one, run) });
    }
    const counted = servers.simulators[server]!.state().aborted;
    if (counted !== aborted) {
      const what = `server ${server} counts ${counted} aborted, ${aborted} are known by their id`;
      problems.push({ what });
    }
  });
  const freeing = freeingTimes(cases);
  const slowest = freeing.at(-1) ?? 0;
  const states = router.log.states.map((state) => ({
    ...state,
    at: (state.at - startedAt) / 1000,
  }));
  for (const { server, at, to, reason } of takenOut(schedule.faultFree, states)) {
    const what = "a server was taken out though nothing was wrong with it";
    problems.push({ what, story: `server ${server} ${to} at ${at.toFixed(2)} s: ${reason}` });
  }
  const more = [
    ...run.leftOver.map((what) => `left over: ${what}`),
    ...router.log.errors.map((error) => `the router said: ${error}`),
  ];
  if (slowest > FREED_WITHIN_MS) {
    more.push(`a server worked ${Math.round(slowest)} ms for a client that had left`);
  }
  if (run.exitCode !== 0) more.push(`the router ended with exit code ${run.exitCode}`);
  problems.push(...more.map((what) => ({ what })));
  return {
    fates,
    aborts,
    freeing,
    secondsOut: secondsOut(schedule.faultFree, states),
    problems,
  };
}

function circumstancesOf(schedule: Schedule, startedAt: number, seed: number): Circumstances {
  const at = (seconds: number) => startedAt + seconds * 1000;
  const { allOut, strikes } = schedule;
  // Requests in flight when a server's trouble ends may still suffer from it.
  const breaksStreams = (server: number, span: Span) =>
    strikes.some(({ from, to, name, ...strike }) =>
      strike.server === server && BREAKING.has(name) && at(from) <= span.to && at(to) >= span.from
    );
  return {
    textOf: (asking) => textOf(asking, seed),
    breaksStreams,
    allOut: allOut && { from: at(allOut.from), to: at(allOut.to + RECOVERY_SECONDS) },
    allOutKnown: allOut && { from: at(allOut.from + KNOWN_AFTER_SECONDS), to: at(allOut.to) },
  };
}

/** Describes everything known about a request in one line. */
function storyOf({ asking, got, said, attempts }: Case, { router, startedAt }: Run): string {
  const seconds = (ms: number) => ((ms - startedAt) / 1000).toFixed(2);
  const tried = attempts.map(({ server, how, endedAt }) =>
    `${how} at server ${server} ${seconds(endedAt)} s`
  );
  const moved = router.log.moved.get(asking.id)?.map(({ from, reason }) =>
    `${reason} from server ${from}`
  );
  const account = router.log.accounted.get(asking.id);
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
