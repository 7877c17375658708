import { isDown } from "../../fleet/state/server.ts";
import type { ServerView } from "../view.ts";
import type { Row } from "./order.ts";
import { type Paint, paintOfUsage, type Palette } from "./paint.ts";
import { bar, count, harmless, milliseconds, percent, shortCount, widthOf } from "./text.ts";
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
  /** Grows only into space that no other column can use. */
  readonly elastic?: boolean;
  text(row: Row, width: number): string;
  paint(server: ServerView, palette: Palette): Paint;
  /** The sort order that marks this column's title. */
  readonly sort?: Sort;
}

const NOTHING = "–";
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
  { least = 4, sort }: { least?: number; sort?: Sort } = {},
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

const maybe = (value: number | null, text: (value: number) => string) =>
  value === null ? NOTHING : text(value);

function paintOfState({ state }: ServerView, palette: Palette): Paint {
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
  text: (row) => String(row.number),
};

const name = words(
  0,
  "server",
  (server) => harmless(server.name),
  { least: LEAST_NAME, most: MOST_NAME },
  ({ state }, palette) => isDown(state) ? palette.gone : palette.plain,
);

const stateWords = words(1, "state", ({ state }) => state, { least: Infinity }, paintOfState);
const state: Column = {
  ...stateWords,
  least: (rows) => Math.max(USUAL_STATE, stateWords.least(rows)),
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
  figure(3, ["running", "run"], (server) => String(server.running)),
  figure(4, ["waiting", "wait"], (server) => String(server.waiting), { sort: "waiting" }),
  figure(5, ["capacity", "cap"], (server) => String(server.capacity)),
  usage,
  figure(8, ["KV cache", "KV"], (server) => maybe(server.kvCacheUsage, percent)),
  figure(14, ["prefix hits", "hits"], (server) => maybe(server.prefixHitRate, percent)),
  figure(13, ["backlog", "todo"], (server) => shortCount(server.pendingTokens), { least: 5 }),
  figure(10, ["TTFT p50", "p50"], (server) => maybe(server.firstToken.p50, milliseconds), {
    least: 5,
  }),
  figure(9, ["TTFT p95", "p95"], (server) => maybe(server.firstToken.p95, milliseconds), {
    least: 5,
    sort: "first token",
  }),
  figure(11, ["tokens/s", "tok/s"], (server) => maybe(server.tokensPerSecond, count), {
    least: 6,
    sort: "tokens/s",
  }),
  figure(12, ["errors", "err"], (server) => count(server.errors), { sort: "errors" }),
];

/** Shown on request. */
export const modelsColumn: Column = words(
  7,
  "models",
  (server) => harmless(server.models.join(", ")) || NOTHING,
  { least: 12 },
  (_, palette) => palette.quiet,
);
