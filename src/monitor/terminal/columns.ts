import type { ServerView } from "../view.ts";
import type { Row } from "./order.ts";
import { type Paint, paintOfUsage, type Palette } from "./paint.ts";
import { bar, count, harmless, milliseconds, percent, widthOf } from "./text.ts";
import type { Sort } from "./ui.ts";

/** One thing told of each server. */
export interface Column {
  readonly title: string;
  /** Where there is little room. */
  readonly shortTitle: string;
  /** The higher, the sooner it is left out. */
  readonly rank: number;
  readonly align: "left" | "right";
  /** Columns of the terminal it can do with, its title aside. */
  least(rows: readonly Row[]): number;
  /** What it takes where there is room, if more. */
  most(rows: readonly Row[]): number;
  text(row: Row, width: number): string;
  paint(server: ServerView, palette: Palette): Paint;
  /** The order in which its title is marked. */
  readonly sort?: Sort;
}

const NOTHING = "–";
const PERCENT = 5;
/** A name of an address and a port is shown whole before less important things are. */
const LEAST_NAME = 21;
const MOST_NAME = 40;
const MOST_BAR = 20;

/** A column of numbers. */
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
    paint: ({ state }, palette) => state === "unhealthy" ? palette.bad : palette.plain,
    ...(sort && { sort }),
  };
}

/** A column of words, as wide as its longest where there is room. */
function words(
  rank: number,
  title: string,
  least: number,
  text: (row: Row) => string,
  paint: Column["paint"],
): Column {
  return {
    title,
    shortTitle: title,
    rank,
    align: "left",
    least: () => least,
    most: (rows) => Math.max(0, ...rows.map((row) => widthOf(text(row)))),
    text,
    paint,
  };
}

const maybe = (value: number | null, text: (value: number) => string) =>
  value === null ? NOTHING : text(value);

function paintOfState({ state }: ServerView, palette: Palette): Paint {
  if (state === "healthy") return palette.good;
  if (state === "unhealthy") return palette.bad;
  return state === "checking" ? palette.warning : palette.quiet;
}

const number: Column = {
  ...figure(6, ["#", "#"], () => "", { least: 1, sort: "number" }),
  most: (rows) => Math.max(0, ...rows.map(({ number }) => String(number).length)),
  text: (row) => String(row.number),
};

const name = words(
  0,
  "server",
  LEAST_NAME,
  ({ server }) => harmless(server.name),
  ({ state }, palette) => state === "unhealthy" ? palette.gone : palette.plain,
);

const usage: Column = {
  title: "usage",
  shortTitle: "usage",
  rank: 2,
  align: "left",
  least: () => PERCENT + 6,
  most: () => PERCENT + MOST_BAR,
  text: ({ server }, width) =>
    `${bar(server.usage, width - PERCENT)}${percent(server.usage).padStart(PERCENT)}`,
  paint: (server, palette) =>
    server.state === "unhealthy" ? palette.bad : paintOfUsage(server.usage, palette),
  sort: "usage",
};

/** What is told of each server, from left to right. */
export const columns: readonly Column[] = [
  number,
  {
    ...name,
    least: (rows) => Math.min(LEAST_NAME, name.most(rows)),
    most: (rows) => Math.min(MOST_NAME, name.most(rows)),
  },
  { ...words(1, "state", 9, ({ server }) => server.state, paintOfState), sort: "state" },
  figure(3, ["running", "run"], (server) => String(server.running)),
  figure(4, ["waiting", "wait"], (server) => String(server.waiting), { sort: "waiting" }),
  figure(5, ["capacity", "cap"], (server) => String(server.capacity)),
  usage,
  figure(8, ["KV cache", "KV"], (server) => maybe(server.kvCacheUsage, percent)),
  figure(13, ["prefix hits", "hits"], (server) => maybe(server.prefixHitRate, percent)),
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
  12,
  ({ server }) => harmless(server.models.join(", ")) || NOTHING,
  (_, palette) => palette.quiet,
);
