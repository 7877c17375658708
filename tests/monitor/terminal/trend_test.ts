import assert from "node:assert/strict";
import type { History } from "../../../src/monitor/history.ts";
import { drawScreen } from "../../../src/monitor/terminal/draw.ts";
import { layoutOf } from "../../../src/monitor/terminal/layout.ts";
import { paletteOf } from "../../../src/monitor/terminal/paint.ts";
import { sparklines } from "../../../src/monitor/terminal/sparklines.ts";
import { createTrend, type Point } from "../../../src/monitor/terminal/trend.ts";
import { firstUi } from "../../../src/monitor/terminal/ui.ts";
import { manyServers, pointsUntil, viewOf } from "./view.ts";

const AT = 100_000_000;
const PLAIN = paletteOf(0);
const TITLES = ["Requests/s", "TTFT p95", "Failed/s", "Waiting", "Tokens/s"];

/** Returns the sparkline with this title, its last value and its peak. */
function lineOf(title: string, points: readonly Point[], width = 78) {
  const line = sparklines(points, points.at(-1)!, width, 5, PLAIN).find((line) =>
    line.startsWith(title)
  )!;
  const [, graph, last, peak] = /^.{11}(.*?) +(\S+(?: m?s)?) +max (\S+(?: m?s)?) *$/.exec(line)!;
  return { graph, last, peak };
}

Deno.test("a sparkline rises with its values, and shows the last one and the peak", () => {
  const points = pointsUntil(AT, (age) => ({ requestsPerSecond: Math.max(0, 40 - age) }));
  assert.deepEqual(lineOf("Requests/s", points), {
    graph: "▁".repeat(36) + "▂▃▃▄▅▆▇██",
    last: "40.0",
    peak: "40.0",
  });
});

Deno.test("a single failure is visible, and painted red", () => {
  const points = pointsUntil(AT, (age) => ({ failedPerSecond: age === 12 ? 0.2 : 0 }));
  const { graph, last, peak } = lineOf("Failed/s", points);
  assert.match(graph!, /^▁+█▁{2,3}$/);
  assert.deepEqual([last, peak], ["0", "0.2"]);
  const red = sparklines(points, points.at(-1)!, 78, 5, paletteOf(1)).filter((line) =>
    line.includes("\x1b[31m")
  );
  assert.equal(red.length, 1);
  assert.match(red[0]!, /^Failed\/s/);
});

Deno.test("unknown values and times without a view are gaps", () => {
  const points = pointsUntil(AT, (age) => ({ firstTokenP95: age < 40 ? 85 : null }));
  assert.match(lineOf("TTFT p95", points).graph!, /^ {36,37}█{8,9}$/);
  assert.equal(lineOf("TTFT p95", points).last, "85 ms");
  const away = pointsUntil(AT, () => ({})).filter(({ at }) => at < AT - 60_000 || at > AT - 20_000);
  assert.match(lineOf("Requests/s", away).graph!, /^▁+ {7,8}▁{4,5}$/);
  assert.match(lineOf("Requests/s", away.slice(-1)).graph!, /^ {44}▁$/);
});

const screen = (servers: number, columns: number, rows: number) => {
  const view = viewOf(manyServers(servers));
  const scene = {
    view,
    points: pointsUntil(view.at, () => ({ firstTokenP95: 85 })),
    detail: undefined,
  };
  return drawScreen(scene, firstUi(false), { columns, rows }, PLAIN);
};
const titlesOn = (lines: readonly string[]) =>
  TITLES.filter((title) => lines.some((line) => RegExp(` ${title} +[▁-█]`).test(line)));

Deno.test("sparklines take only lines that stay empty, and vanish first", () => {
  assert.deepEqual(titlesOn(screen(3, 80, 24)), TITLES);
  assert.deepEqual(titlesOn(screen(60, 80, 60)), []);
  // Two side by side where that shows more of them.
  assert.deepEqual(titlesOn(screen(9, 160, 24)), TITLES);
  assert.deepEqual(titlesOn(screen(9, 80, 24)), TITLES.slice(0, 4));
  assert.deepEqual(titlesOn(screen(3, 80, 14)), []);
  assert.deepEqual(titlesOn(screen(3, 38, 40)), []);
  let before = 5;
  for (let servers = 1; servers <= 30; servers++) {
    const lines = screen(servers, 80, 30);
    const shown = titlesOn(lines);
    assert.deepEqual(shown, TITLES.slice(0, shown.length));
    assert.ok(shown.length <= before);
    before = shown.length;
    assert.ok(lines.some((line) => line.includes("Request moved")), "events stay");
    assert.equal(lines.length, 30);
  }
  assert.equal(before, 0);
});

Deno.test("no line is given away twice, and none is left over", () => {
  for (let height = 15; height <= 80; height++) {
    for (let rows = 0; rows <= 100; rows++) {
      const free = height - 6;
      for (const told of [0, 1, 3, 50]) {
        const { servers, trend, events } = layoutOf(height, free, rows, told, 5);
        const shown = Math.min(servers, Math.max(1, rows));
        const used = shown + (trend > 0 ? trend + 2 : 0) + (events > 0 ? events + 2 : 0);
        assert.equal(used, free, `${height} lines, ${rows} servers, ${told} events`);
        if (trend > 0) assert.ok(rows <= servers);
        if (rows > servers) assert.ok(events <= Math.max(1, told));
      }
    }
  }
});

Deno.test("a trend begins with the router's history and goes on with the views", () => {
  const times = [AT - 2_000, AT - 1_000];
  const history = {
    times,
    requestsPerSecond: [1, 2],
    failedPerSecond: [0, 1],
    tokensPerSecond: [10, 20],
    firstTokenP95: [null, 85],
    servers: [{ waiting: [1, null] }, { waiting: [2, 5] }],
  } as unknown as History;
  const trend = createTrend(history);
  trend.add(viewOf([], { at: AT - 900 }));
  assert.deepEqual(trend.points(), [
    {
      at: AT - 2_000,
      requestsPerSecond: 1,
      failedPerSecond: 0,
      tokensPerSecond: 10,
      firstTokenP95: null,
      waiting: 3,
    },
    {
      at: AT - 1_000,
      requestsPerSecond: 2,
      failedPerSecond: 1,
      tokensPerSecond: 20,
      firstTokenP95: 85,
      waiting: 5,
    },
  ]);
  trend.add(viewOf([{ waiting: 7 }], { at: AT }));
  assert.deepEqual(trend.points()[2], {
    at: AT,
    requestsPerSecond: 12.3,
    failedPerSecond: 0,
    tokensPerSecond: 4_321,
    firstTokenP95: null,
    waiting: 7,
  });
});

Deno.test("a trend is bounded, and begins anew when the clock is set back", () => {
  const trend = createTrend();
  for (let i = 0; i < 2_000; i++) trend.add(viewOf([], { at: AT + i * 1_000 }));
  assert.equal(trend.points().length, 900);
  assert.equal(trend.points()[0]!.at, AT + 1_100 * 1_000);
  trend.add(viewOf([], { at: AT }));
  assert.deepEqual(trend.points().map(({ at }) => at), [AT]);
});
