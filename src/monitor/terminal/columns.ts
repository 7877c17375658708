import { isDown } from "../../fleet/state/server.ts";
import type { ServerView } from "../view.ts";
import type { Row } from "./order.ts";
import { type Paint, paintOfUsage, type Palette } from "./paint.ts";
import { count, duration, percent, rate, UNKNOWN } from "./format.ts";
import { bar, harmless, widthOf } from "./text.ts";
import type { Sort } from "./ui.ts";

/** One column of the server table. */
export interface Column {
  readonly title: string;
  /** The title used when space is short. */
  readonly shortTitle: string;
  /** Columns with a higher rank are dropped first. */
  readonly rank: number;
  readonly align: "left" | "right";
  /** Returns the minimum width in terminal cells, not counting the title. */
  least(rows: readonly Row[]): number;
  /** Returns the preferred width in terminal cells, used if there is enough space. */
  most(rows: readonly Row[]): number;
  /** Has a meaning for a server that is out, too. The reason takes the place of the others. */
  readonly outlives?: boolean;
  /** Grows only into space that no other column can use. */
  readonly elastic?: boolean;
  text(row: Row, width: number): string;
  paint(server: ServerView, palette: Palette): Paint;
  /** The sort order that marks this column's title. */
  readonly sort?: Sort;
}

const PERCENT = 5;
/** Fits every state except `unauthorized`, so common state changes don't shift the layout. */
const USUAL_STATE = "unhealthy".length;
/** Fits an IPv4 address with a port, which takes precedence over less important columns. */
const LEAST_NAME = 21;
const MOST_NAME = 40;
const MOST_BAR = 20;

/** Creates a column of numbers. */
function figure(
  rank: number,
  titles: readonly [string, string],
  text: (server: ServerView) => string,
  { least = 5, sort }: { least?: number; sort?: Sort } = {},
): Column {
  return {
    title: titles[0],
    shortTitle: titles[1],
    rank,
    align: "right",
    least: () => least,
    most: () => least,
    text: ({ server }) => text(server),
    paint: ({ state }, palette) => isDown(state) ? palette.bad : palette.plain,
    ...(sort && { sort }),
  };
}

/** Creates a column of words, as wide as the longest one if there is enough space. */
function words(
  rank: number,
  title: string,
  text: (server: ServerView) => string,
  { least, most = Infinity }: { least: number; most?: number },
  paint: Column["paint"],
): Column {
  const longest = (rows: readonly Row[]) =>
    Math.max(0, ...rows.map(({ server }) => widthOf(text(server))));
  return {
    title,
    shortTitle: title,
    rank,
    align: "left",
    least: (rows) => Math.min(least, longest(rows)),
    most: (rows) => Math.min(most, longest(rows)),
    text: ({ server }) => text(server),
    paint,
  };
}

/** Returns the colour of a server's state. */
export function paintOfState({ state }: Pick<ServerView, "state">, palette: Palette): Paint {
  if (state === "healthy") return palette.good;
  if (isDown(state)) return palette.bad;
  return state === "checking" || state === "half-open" ? palette.warning : palette.quiet;
}

const digits = (rows: readonly Row[]) =>
  Math.max(1, ...rows.map(({ number }) => String(number).length));

const number: Column = {
  ...figure(6, ["#", "#"], () => "", { sort: "number" }),
  least: digits,
  most: digits,
  outlives: true,
  text: (row) => String(row.number),
};

const name: Column = {
  ...words(
    0,
    "server",
    (server) => harmless(server.name),
    { least: LEAST_NAME, most: MOST_NAME },
    ({ state }, palette) => isDown(state) ? palette.gone : palette.plain,
  ),
  outlives: true,
};

const stateWords = words(
  1,
  "state",
  ({ state }) => harmless(state),
  { least: Infinity },
  paintOfState,
);
const state: Column = {
  ...stateWords,
  least: (rows) => Math.max(USUAL_STATE, stateWords.least(rows)),
  outlives: true,
  sort: "state",
};

const usage: Column = {
  title: "usage",
  shortTitle: "usage",
  rank: 2,
  align: "left",
  least: () => PERCENT + 6,
  most: () => PERCENT + MOST_BAR,
  elastic: true,
  text: ({ server }, width) =>
    `${bar(server.usage, width - PERCENT)}${percent(server.usage).padStart(PERCENT)}`,
  paint: (server, palette) =>
    isDown(server.state) ? palette.bad : paintOfUsage(server.usage, palette),
  sort: "usage",
};

/** The columns shown, from left to right. */
export const columns: readonly Column[] = [
  number,
  name,
  state,
  figure(3, ["running", "run"], ({ running }) => count(running)),
  figure(4, ["waiting", "wait"], ({ waiting }) => count(waiting), { sort: "waiting" }),
  figure(5, ["capacity", "cap"], ({ capacity }) => count(capacity)),
  usage,
  figure(8, ["KV cache", "KV"], ({ kvCacheUsage }) => percent(kvCacheUsage), { least: 4 }),
  figure(14, ["prefix hits", "hits"], ({ prefixHitRate }) => percent(prefixHitRate), { least: 4 }),
  figure(13, ["backlog", "todo"], ({ pendingTokens }) => count(pendingTokens), { least: 6 }),
  figure(10, ["TTFT p50", "p50"], ({ firstToken }) => duration(firstToken.p50), { least: 7 }),
  figure(9, ["TTFT p95", "p95"], ({ firstToken }) => duration(firstToken.p95), {
    least: 7,
    sort: "TTFT p95",
  }),
  figure(11, ["tokens/s", "tok/s"], ({ tokensPerSecond }) => rate(tokensPerSecond), {
    least: 6,
    sort: "tokens/s",
  }),
  figure(12, ["errors", "err"], ({ errors }) => count(errors), { sort: "errors" }),
];

/** Shown on request. */
export const modelsColumn: Column = {
  ...words(
    7,
    "models",
    (server) => harmless(server.models.join(", ")) || UNKNOWN,
    { least: 12 },
    (_, palette) => palette.quiet,
  ),
  outlives: true,
};
