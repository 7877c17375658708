import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import type { ServerState } from "../../../src/fleet/state/server.ts";
import { drawAll, drawScreen, extentOf, type Scene } from "../../../src/monitor/terminal/draw.ts";
import { colourLevel, paletteOf } from "../../../src/monitor/terminal/paint.ts";
import { widthOf } from "../../../src/monitor/terminal/text.ts";
import { firstUi, sorts, type Ui } from "../../../src/monitor/terminal/ui.ts";
import type { View } from "../../../src/monitor/view.ts";
import { detailOf, failureOf, keyOf, manyServers, modelOf, pointsUntil, viewOf } from "./view.ts";

const PLAIN = paletteOf(0);
const COLOURED = paletteOf(1);
const SMALL = { columns: 80, rows: 24 };
const LARGE = { columns: 160, rows: 40 };
/** Clears the screen, sets the title, breaks the line and turns the direction of the text. */
const EVIL = "evil\x1b[2J\x1b]0;title\x07\r\n\u202e\u2066\u200f\u009b";
const ui = firstUi(false);

const sceneOf = (view: View): Scene => ({ view, points: [], detail: undefined });
const draw = (view: View, changes: Partial<Ui> = {}, size = LARGE, palette = PLAIN) =>
  drawScreen(sceneOf(view), { ...ui, ...changes }, size, palette);
const lineWith = (lines: readonly string[], text: string) => {
  const line = lines.find((line) => stripVTControlCharacters(line).includes(text));
  assert.ok(line, `${text} is in\n${lines.join("\n")}`);
  return line;
};
/** Returns the servers' names from top to bottom. */
const order = (lines: readonly string[]) =>
  lines.flatMap((line) => /^ *\d+ +(gpu-\d+)/.exec(line)?.[1] ?? []);

Deno.test("a large terminal shows everything", () => {
  const lines = draw(
    viewOf([{ running: 3, waiting: 1, errors: 7, pendingTokens: 12_345 }], {
      totals: { firstToken: { p50: 85, p95: 1_234, p99: 12_300 } },
    }),
    { models: true },
  );
  assert.equal(lines[0], " vllm-router 1.2.3   http://0.0.0.0:8888   up 1 d 3 h");
  assert.match(lines[1]!, /^ 1 of 1 healthy +Load █+░+ 45% +12\.3 requests\/s +4,321 tokens\/s /);
  assert.match(lines[1]!, /0 in flight +12,345 tokens to prefill/);
  assert.match(
    lines[2]!,
    /^ Failed 0% +TTFT p50 85 ms, p95 1\.23 s, p99 12\.30 s +Waiting 1 +2 failovers$/,
  );
  assert.match(
    lines[4]!,
    /# +server +state +running +waiting +capacity +usage +KV cache +prefix hits +backlog +TTFT p50 +TTFT p95 +tokens\/s +errors +models/,
  );
  assert.match(
    lines[5]!,
    /1 +gpu-1 +healthy +3 +1 +10 +█+░+ +40% +25% +50% +12,345 +85 ms +1\.23 s +1,234 +7 +small-model/,
  );
  lineWith(lines, "Events");
  assert.match(lineWith(lines, "Request moved"), /^ \d\d:\d\d:\d\d +✖ Request moved to gpu-2/);
  assert.match(
    lines.at(-1)!,
    /q quit.*\? help.*Enter detail.*s sort.*f unhealthy.*m models.*a API keys/,
  );
  assert.equal(lines.length, LARGE.rows);
});

Deno.test("80 columns show the most important values", () => {
  const lines = draw(viewOf([{ name: "192.168.10.100:8000", running: 3 }]), {}, SMALL);
  assert.match(lines[4]!, /# +server +state +run +wait +cap +usage +KV/);
  assert.match(lines[5]!, /192\.168\.10\.100:8000 +healthy +3 +0 +10 +█+░+ +30% +25%/);
  const large = draw(viewOf([{ running: 1_024, waiting: 2_345, capacity: 1_024 }]), {}, SMALL);
  assert.match(large[5]!, / 1,024 +2,345 +1,024 +█+ +329% +25% /);
  const withModels = draw(viewOf([{}]), { models: true }, SMALL);
  assert.match(withModels[5]!, /small-model/);
});

Deno.test("every state can be read on 80 columns and on 40", () => {
  const states: ServerState[] = [
    "checking",
    "healthy",
    "half-open",
    "no_models",
    "unauthorized",
    "stalled",
    "unhealthy",
    "draining",
    "sleeping",
  ];
  for (const columns of [80, 40]) {
    const view = viewOf(states.map((state) => ({ state, name: "192.168.10.100:8000" })));
    const text = draw(view, {}, { columns, rows: 40 }).join("\n");
    for (const state of states) assert.match(text, new RegExp(`:8000  ${state}( |$)`, "m"));
  }
});

Deno.test("a narrower terminal shows fewer columns, without hits and backlog first", () => {
  const view = viewOf([{ pendingTokens: 9_999 }, { pendingTokens: 1_234_567 }]);
  const shownAt = (columns: number) => {
    const titles = draw(view, {}, { columns, rows: 24 })[4]!;
    return [/hits/, /todo|backlog/, /err/].map((title) => title.test(titles));
  };
  const steps = new Set(Array.from({ length: 160 }, (_, i) => shownAt(160 - i).join()));
  assert.deepEqual([...steps], [
    "true,true,true",
    "false,true,true",
    "false,false,true",
    "false,false,false",
  ]);
  const [first, second] = draw(view, {}, { columns: 140, rows: 24 }).slice(5);
  assert.match(first!, / 9,999 /);
  assert.match(second!, / 1\.2M /);
});

Deno.test("no screen is wider or higher than its terminal, at any size", () => {
  const view = viewOf([
    { name: "服务器".repeat(20), models: ["模型🚀".repeat(30)], state: "unhealthy" },
    ...manyServers(30),
  ], {
    models: [modelOf({ name: "模型🚀".repeat(30), healthy: 0 }), modelOf()],
    keys: [keyOf({ name: "密钥".repeat(50) })],
    failures: [failureOf({ model: "模型🚀".repeat(30) })],
  });
  const points = pointsUntil(view.at, () => ({ requestsPerSecond: 1 }));
  const selected = view.servers[0]!.url;
  for (let columns = 1; columns <= 200; columns += 3) {
    for (const rows of [1, 2, 3, 5, 11, 12, 15, 24, 60]) {
      for (
        const changes of [
          { selected },
          ...(["help", "models", "keys", "server"] as const).map((page) => ({ page, selected })),
          { models: true, notice: "lost 连接" },
        ]
      ) {
        const scene = { view, points, detail: detailOf() };
        const lines = drawScreen(scene, { ...ui, ...changes }, { columns, rows }, COLOURED);
        assert.equal(lines.length, rows, `${columns}x${rows}`);
        for (const line of lines) assert.ok(widthOf(line) <= Math.max(2, columns), line);
      }
    }
  }
});

Deno.test("20 columns and 5 rows show a server and the fleet's health", () => {
  const lines = draw(
    viewOf([{ name: "gpu-in-the-cellar" }, { state: "unhealthy" }]),
    {},
    { columns: 20, rows: 5 },
  );
  assert.match(lines[0]!, /1 of 2 healthy/);
  assert.match(lines[2]!, /^ gpu-in….* healthy *$/);
  assert.match(lines[3]!, /^ gpu-2 +unhealthy$/);
});

Deno.test("wide characters are measured and cut, and following columns stay aligned", () => {
  const lines = draw(
    viewOf([{ name: "模型".repeat(20) }, { name: "rocket-🚀" }, { name: "plain" }]),
    {},
    SMALL,
  );
  const columnOf = (text: string) => {
    const line = lineWith(lines, text);
    return widthOf(line.slice(0, line.indexOf("healthy")));
  };
  assert.match(lineWith(lines, "模型"), /(模型)+模?…/);
  assert.equal(columnOf("模型"), columnOf("plain"));
  assert.equal(columnOf("rocket"), columnOf("plain"));
});

Deno.test("text from outside never reaches the terminal as a command", () => {
  // `top` shows what another program says, whatever its type.
  const evil = EVIL as never;
  const view = viewOf(
    [
      { name: EVIL, url: EVIL, models: [EVIL], reason: EVIL, state: "unhealthy" },
      { state: evil },
    ],
    {
      version: EVIL,
      address: EVIL,
      models: [modelOf({ name: EVIL, healthy: 0 })],
      keys: [keyOf({ name: EVIL })],
      failures: [failureOf({ server: EVIL, path: EVIL, model: EVIL, reason: EVIL, status: evil })],
      events: [{
        at: 0,
        kind: "state",
        tone: "bad",
        text: EVIL,
        servers: [],
      }],
    },
  );
  for (const page of ["fleet", "server", "models", "keys"] as const) {
    const changes = { page, selected: EVIL, models: true, notice: EVIL };
    const scene = { ...sceneOf(view), detail: detailOf({ engine: EVIL }) };
    const lines = drawScreen(scene, { ...ui, ...changes }, LARGE, PLAIN);
    lineWith(lines, "evil");
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(lines.join(""), /[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200f]/);
  }
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(drawAll(view, true, PLAIN).join(""), /[\x00-\x1f\x7f\u202e]/);
});

Deno.test("usage is yellow from 70%, red from 90%; checking is yellow, down red and struck", () => {
  const lines = draw(
    viewOf([
      { running: 69, capacity: 100 },
      { running: 70, capacity: 100 },
      { running: 90, capacity: 100 },
      { state: "checking" },
      { state: "unhealthy" },
      { state: "half-open" },
      { state: "stalled" },
    ]),
    {},
    LARGE,
    COLOURED,
  );
  const [green, yellow, red, struck] = [32, 33, 31, 9].map((code) => `\x1b[${code}m`);
  assert.ok(lineWith(lines, " 69%").includes(`${green}█`));
  assert.ok(lineWith(lines, " 70%").includes(`${yellow}█`));
  assert.ok(lineWith(lines, " 90%").includes(`${red}█`));
  assert.ok(lineWith(lines, "gpu-4").includes(`${yellow}checking`));
  assert.ok(lineWith(lines, "gpu-5").includes(`${red}unhealthy`));
  assert.ok(lineWith(lines, "gpu-5").includes(`${red}${struck}gpu-5`));
  assert.ok(lineWith(lines, "gpu-6").includes(`${yellow}half-open`));
  assert.ok(lineWith(lines, "gpu-7").includes(`${red}stalled`));
  assert.ok(lineWith(lines, "gpu-7").includes(`${red}${struck}gpu-7`));
});

Deno.test("without colours there are no escapes, and every state is shown as text", () => {
  assert.equal(colourLevel("1"), 0);
  const states = [
    "healthy",
    "unhealthy",
    "checking",
    "draining",
    "sleeping",
    "half-open",
    "stalled",
  ] as const;
  const lines = draw(viewOf(states.map((state) => ({ state }))));
  assert.ok(!lines.join("").includes("\x1b"));
  states.forEach((state, index) =>
    assert.match(lineWith(lines, `gpu-${index + 1}`), RegExp(state))
  );
});

Deno.test("200 servers scroll to the last", () => {
  const view = viewOf(manyServers(200));
  const extent = extentOf(sceneOf(view), ui, SMALL);
  assert.equal(extent.urls.length, 200);
  assert.ok(extent.page >= 10);
  const first = draw(view, {}, SMALL);
  assert.equal(order(first)[0], "gpu-1");
  assert.match(first.at(-1)!, RegExp(`1–${extent.page} of 200`));
  const last = draw(view, { offset: 1_000 }, SMALL);
  assert.equal(order(last).at(-1), "gpu-200");
  assert.equal(order(last).length, extent.page);
});

Deno.test("servers are sorted largest first and keep their numbers", () => {
  const view = viewOf([
    { running: 1, errors: 0, tokensPerSecond: null },
    { running: 9, errors: 2, tokensPerSecond: 5 },
    { running: 5, errors: 3, tokensPerSecond: 9, state: "unhealthy", waiting: 3 },
  ]);
  const sorted = Object.fromEntries(sorts.map((sort) => [sort, order(draw(view, { sort }))]));
  assert.deepEqual(sorted, {
    "number": ["gpu-1", "gpu-2", "gpu-3"],
    "state": ["gpu-3", "gpu-1", "gpu-2"],
    "usage": ["gpu-2", "gpu-3", "gpu-1"],
    "waiting": ["gpu-3", "gpu-1", "gpu-2"],
    "TTFT p95": ["gpu-1", "gpu-2", "gpu-3"],
    "tokens/s": ["gpu-3", "gpu-2", "gpu-1"],
    "errors": ["gpu-3", "gpu-2", "gpu-1"],
  });
  const lines = draw(view, { sort: "errors" });
  assert.match(lines[4]!, /▾errors/);
  assert.match(lines[5]!, /^ 3 +gpu-3/);
});

Deno.test("sorting by state puts servers that need attention first", () => {
  const states = [
    "healthy",
    "sleeping",
    "draining",
    "half-open",
    "stalled",
    "checking",
    "unhealthy",
  ];
  const view = viewOf(states.map((state) => ({ state: state as ServerState })));
  const numbers = order(draw(view, { sort: "state" })).map((name) => Number(name.slice(4)));
  assert.deepEqual(numbers.map((number) => states[number - 1]), [
    "stalled",
    "unhealthy",
    "half-open",
    "checking",
    "draining",
    "sleeping",
    "healthy",
  ]);
});

Deno.test("a stalled server counts as down, a half-open one does not", () => {
  const view = viewOf([{ state: "stalled" }, { state: "half-open" }, { state: "unhealthy" }]);
  assert.deepEqual(order(draw(view, { onlyUnhealthy: true })), ["gpu-1", "gpu-3"]);
});

Deno.test("the filter shows only unhealthy servers, or that there are none", () => {
  assert.deepEqual(
    order(draw(viewOf(manyServers(20)), { onlyUnhealthy: true })),
    ["gpu-10", "gpu-20"],
  );
  lineWith(draw(viewOf([{}]), { onlyUnhealthy: true }), "no such server");
});

Deno.test("help covers the servers and explains keys and columns", () => {
  const lines = draw(viewOf([{}]), { page: "help" }, SMALL);
  for (const text of ["Keys", "quit", "select", "only unhealthy", "time to first token"]) {
    lineWith(lines, text);
  }
  assert.deepEqual(order(lines), []);
});

Deno.test("a notice is shown above the servers", () => {
  const view = viewOf(manyServers(20));
  for (const size of [LARGE, { columns: 80, rows: 8 }]) {
    lineWith(draw(view, { notice: "connection lost" }, size), "! connection lost");
  }
});

Deno.test("the plain-text snapshot is complete and not cut", () => {
  const name = "a-name-of-forty-characters-and-not-longer";
  const lines = drawAll(viewOf([{ name: name.slice(0, 40) }, ...manyServers(199)]), true, PLAIN);
  lineWith(lines, name.slice(0, 40));
  lineWith(lines, "small-model");
  assert.equal(order(lines).at(-1), "gpu-200");
  assert.equal(lines.at(-1)!.slice(10), "✖ Request moved to gpu-2");
});
