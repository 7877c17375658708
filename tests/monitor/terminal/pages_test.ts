import assert from "node:assert/strict";
import { drawAll, drawScreen, type Scene } from "../../../src/monitor/terminal/draw.ts";
import { paletteOf } from "../../../src/monitor/terminal/paint.ts";
import { firstUi, type Ui } from "../../../src/monitor/terminal/ui.ts";
import type { View } from "../../../src/monitor/view.ts";
import { detailOf, failureOf, keyOf, manyServers, modelOf, viewOf } from "./view.ts";

const PLAIN = paletteOf(0);
const SMALL = { columns: 80, rows: 24 };
const AT = new Date(2026, 10, 28, 11, 33, 2).getTime();

const draw = (view: View, changes: Partial<Ui>, detail?: Scene["detail"], size = SMALL) =>
  drawScreen({ view, points: [], detail }, { ...firstUi(false), ...changes }, size, PLAIN);
const server = { page: "server", selected: "http://gpu-1:8000" } as const;

Deno.test("a server's page says all about it", () => {
  const view = viewOf([
    {
      state: "unhealthy",
      reason: "connection refused",
      since: AT - 34_000,
      models: ["small-model", "an-adapter"],
      running: 3,
      waiting: 1,
    },
    {},
  ], {
    at: AT,
    failures: [
      failureOf({ at: AT - 1_000 }),
      failureOf({ at: AT - 2_000, server: "gpu-2", path: "/elsewhere" }),
      failureOf({ at: AT - 3_000, server: null, path: "/nowhere" }),
    ],
  });
  const checks = { ...detailOf().checks, lastAt: AT - 900 };
  const lines = draw(view, server, detailOf({ checks, scrapedAt: AT - 1_000 }));
  assert.deepEqual(lines.slice(4).map((line) => line.trim()).filter((line) => line !== ""), [
    "gpu-1   http://gpu-1:8000   vllm",
    "unhealthy for 34 s, since 11:32:28: connection refused",
    "Models        small-model, an-adapter",
    "Requests      3 running, 1 waiting, 4 of this router, capacity 10, usage 40%",
    "TTFT          p50 85 ms, p95 1.23 s, p99 2.00 s",
    "Tokens        1,234 tokens/s, KV cache 25%, prefix hits 50%, backlog 0",
    "Attempts      ok: 1,204, no connection: 12, the answer broke off: 2",
    "Checks        240, 70% passed lately, 6 failed in a row, mean 4 ms, last 3 ms",
    "1 s ago",
    "Learned pace  8,123 prompt tokens/s, 12 ms per token, 45 ms to start",
    "Prefix cache  12,345 blocks expected, hits predicted 51%, real –",
    "Read          metrics 1 s ago, models never",
    "Failed requests",
    "11:33:01  502  no connection  /v1/chat/completions  small-model",
    "q, Esc back  ? help  m models  a API keys",
  ]);
});

Deno.test("a server's page shows what is known while the router is asked, and what isn't", () => {
  const asking = draw(viewOf([{}]), server).join("\n");
  assert.match(asking, /gpu-1 .*\n healthy for [^]*Requests/);
  assert.doesNotMatch(asking, /Learned pace/);
  assert.match(draw(viewOf([{}]), server, null).join("\n"), /The router tells no more of it/);
  assert.match(draw(viewOf([{}]), server, detailOf()).join("\n"), /No failed requests lately/);
  const gone = draw(viewOf([{}]), { page: "server", selected: "http://gone" }, null).join("\n");
  assert.match(gone, /This server has been removed/);
});

Deno.test("what doesn't fit on a page is counted", () => {
  const failures = Array.from({ length: 20 }, () => failureOf());
  const lines = draw(viewOf([{}], { failures }), server, detailOf());
  assert.equal(lines.length, 24);
  assert.match(lines.at(-2)!, /^ and \d\d more lines$/);
});

Deno.test("the models show their servers, requests and times, the worst first", () => {
  const models = [
    modelOf({
      name: "big",
      servers: 3,
      healthy: 2,
      requestsPerSecond: 12.34,
      failedShare: 0.034,
      firstToken: { p50: 85, p95: 1_230, p99: 12_300 },
    }),
    modelOf({ name: "dead", healthy: 0 }),
    modelOf({ name: "模型".repeat(40) }),
  ];
  const lines = draw(viewOf([{}], { models }), { page: "models" });
  assert.match(lines[5]!, /^ model .* healthy +requests\/s +failed +TTFT p50 +TTFT p95 +TTFT p99$/);
  assert.match(lines[6]!, /^ dead +0 of 1 +0 +– +– +– +–$/);
  assert.match(lines[7]!, /^ big +2 of 3 +12\.3 +3% +85 ms +1\.23 s +12\.30 s$/);
  assert.match(lines[8]!, /^ (模型)+模?… +1 of 1 /);
  assert.match(draw(viewOf([]), { page: "models" })[4]!, /no models/);
});

Deno.test("the API keys show their requests, tokens and limits", () => {
  const keys = [
    keyOf({ requests: 1_234, requestsPerSecond: 1.2, tokensLastMinute: 123_456, limitShare: 0.8 }),
    keyOf({ name: "bob" }),
  ];
  const lines = draw(viewOf([{}], { keys }), { page: "keys" });
  assert.match(lines[4]!, /^ API key +requests +requests\/s +tokens, last min +limit used$/);
  assert.match(lines[5]!, /^ alice +1,234 +1\.2 +123\.5K +80%$/);
  assert.match(lines[6]!, /^ bob +0 +0 +0 +–$/);
  assert.match(draw(viewOf([]), { page: "keys" })[4]!, /no API keys/);
});

Deno.test("the snapshot has the models and the API keys", () => {
  const text = drawAll(viewOf([{}], { models: [modelOf()], keys: [keyOf()] }), false, PLAIN);
  assert.match(text.join("\n"), /\nmodel .*\nsmall-model .*\n\nAPI key .*\nalice .*\n\nEvents\n/);
});

Deno.test("the selected server is marked wherever the order puts it", () => {
  const view = viewOf([{ running: 1 }, { running: 9 }, { running: 5 }]);
  const marked = (changes: Partial<Ui>) =>
    draw(view, { selected: "http://gpu-3:8000", ...changes })
      .flatMap((line, i) => line.startsWith(">") ? [`${i}: ${line.slice(0, 9)}`] : []);
  assert.deepEqual(marked({}), ["7: >3  gpu-3"]);
  assert.deepEqual(marked({ sort: "usage" }), ["6: >3  gpu-3"]);
  assert.deepEqual(marked({ onlyUnhealthy: true }), []);
  const many = draw(viewOf(manyServers(200)), { selected: "http://gpu-150:8000" });
  assert.equal(many.filter((line) => /^>150 +gpu-150 /.test(line)).length, 1);
});
