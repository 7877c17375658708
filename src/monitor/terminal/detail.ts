import { inWords } from "../words.ts";
import type { ServerDetail } from "../server_detail.ts";
import type { ServerView, View } from "../view.ts";
import { paintOfState } from "./columns.ts";
import { count, duration, percent, rate, span, timeOfDay } from "./format.ts";
import type { Palette } from "./paint.ts";
import { flow, harmless } from "./text.ts";

/** What the router tells of a server: `null` nothing, `undefined` while it is being asked. */
export type Detail = ServerDetail | null | undefined;

/** A title and its facts. */
type Fact = readonly [title: string, facts: readonly string[]];

const TITLE = 14;

/** Shows all about the server at this URL. */
export function detailLines(
  view: View,
  url: string | undefined,
  detail: Detail,
  width: number,
  palette: Palette,
): string[] {
  const server = view.servers.find((server) => server.url === url);
  if (!server) return [palette.warning("This server has been removed.")];
  const facts = [
    ...viewFacts(server),
    ...(detail ? detailFacts(detail, view.at) : []),
  ];
  const why = harmless(server.reason);
  const since = `for ${span(view.at - server.since)}, since ${timeOfDay(server.since)}`;
  const state = `${harmless(server.state)} ${since}${why === "" ? "" : `: ${why}`}`;
  const paint = paintOfState(server, palette);
  return [
    ...flow([
      palette.heading(harmless(server.name)),
      palette.quiet(harmless(server.url)),
      ...(detail?.engine ? [harmless(detail.engine)] : []),
    ], width),
    ...wrapped(state, width).map((line) => paint(line)),
    "",
    ...facts.flatMap((fact) => factLines(fact, width, palette)),
    ...(detail === null ? [palette.quiet("The router tells no more of it.")] : []),
    "",
    ...failureLines(view, server, palette),
  ];
}

function viewFacts(server: ServerView): Fact[] {
  const { p50, p95, p99 } = server.firstToken;
  return [
    ["Models", server.models.length === 0 ? ["none"] : server.models.map(harmless)],
    ["Requests", [
      `${count(server.running)} running`,
      `${count(server.waiting)} waiting`,
      `${count(server.inFlight)} of this router`,
      `capacity ${count(server.capacity)}`,
      `usage ${percent(server.usage)}`,
    ]],
    ["TTFT", [`p50 ${duration(p50)}`, `p95 ${duration(p95)}`, `p99 ${duration(p99)}`]],
    ["Tokens", [
      `${rate(server.tokensPerSecond)} tokens/s`,
      `KV cache ${percent(server.kvCacheUsage)}`,
      `prefix hits ${percent(server.prefixHitRate)}`,
      `backlog ${count(server.pendingTokens)}`,
    ]],
  ];
}

function detailFacts(
  { attempts, checks, pace, prefixCache, ...read }: ServerDetail,
  at: number,
): Fact[] {
  const ended = Object.entries(attempts) as [keyof typeof attempts, number][];
  const ago = (time: number | null) => time === null ? "never" : `${span(at - time)} ago`;
  return [
    [
      "Attempts",
      ended.length === 0
        ? ["none"]
        : ended.map(([outcome, n]) =>
          `${harmless(inWords(outcome)).replace("_", " ")}: ${count(n)}`
        ),
    ],
    ["Checks", [
      count(checks.total),
      `${percent(checks.successRate)} passed lately`,
      `${count(checks.failedInARow)} failed in a row`,
      `mean ${duration(checks.meanMs)}`,
      `last ${duration(checks.lastMs)}`,
      ago(checks.lastAt),
    ]],
    ["Learned pace", [
      `${rate(pace.prefillTokensPerSecond)} prompt tokens/s`,
      `${duration(pace.interTokenMs)} per token`,
      `${duration(pace.startMs)} to start`,
    ]],
    ["Prefix cache", [
      `${count(prefixCache.blocks)} blocks expected`,
      `hits predicted ${percent(prefixCache.predictedHitRate)}`,
      `real ${percent(prefixCache.realHitRate)}`,
    ]],
    ["Read", [`metrics ${ago(read.scrapedAt)}`, `models ${ago(read.modelsAt)}`]],
  ];
}

function factLines([title, facts]: Fact, width: number, palette: Palette): string[] {
  return flow(facts, width - TITLE, ", ").map((line, i) =>
    palette.quiet((i === 0 ? title : "").padEnd(TITLE)) + line
  );
}

/** Shows the latest failed requests that this server was asked last. */
function failureLines(
  { failures }: View,
  { name }: ServerView,
  palette: Palette,
): string[] {
  const own = failures.filter(({ server }) => server === name);
  if (own.length === 0) return [palette.quiet("No failed requests lately")];
  return [
    palette.heading("Failed requests"),
    ...own.map(({ at, status, path, model, reason }) => {
      const what = harmless([status, reason, path, model ?? ""].join("  "));
      return `${palette.quiet(timeOfDay(at))}  ${palette.bad(what.trimEnd())}`;
    }),
  ];
}

/** Breaks a text between words. */
const wrapped = (text: string, width: number) => flow(text.split(" "), width, " ");
