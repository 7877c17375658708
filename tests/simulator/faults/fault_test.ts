import assert from "node:assert/strict";
import type { Fault } from "../../../src/simulator/faults/fault.ts";
import { parseFault } from "../../../src/simulator/faults/fault_text.ts";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { chat, events, metrics, postChat, RawClient, start, test, until } from "../helpers.ts";

const STREAM = chat("Hello", {
  stream: true,
  max_tokens: 20,
  ignore_eos: true,
});
const DOCUMENT = chat("Hello", { max_tokens: 20, ignore_eos: true });

/** Sends a chat and reads until the connection ends. */
async function readChat(simulator: Simulator, body: unknown): Promise<string> {
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", body, "connection: close\r\n");
  return await client.readToEnd();
}

function countDeltas(text: string): number {
  return [...text.matchAll(/"delta":\{"content"/g)].length;
}

test("reset_before_head closes the connection without a byte", async () => {
  await using simulator = await start({ fault: { kind: "reset_before_head" } });
  assert.equal(await readChat(simulator, STREAM), "");
  assert.equal(await readChat(simulator, DOCUMENT), "");
  assert.equal(simulator.state().failed, 2);
});

test("reset_mid_stream drops the connection after afterTokens tokens", async () => {
  await using simulator = await start({
    fault: { kind: "reset_mid_stream", afterTokens: 5 },
  });
  const text = await readChat(simulator, STREAM);
  assert.equal(countDeltas(text), 5);
  assert.doesNotMatch(text, /DONE|0\r\n\r\n$/);
  assert.equal(await readChat(simulator, DOCUMENT), "");
  const { failed, running } = simulator.state();
  assert.deepEqual([failed, running], [2, 0]);
});

test("hang_before_head sends nothing until the client leaves", async () => {
  await using simulator = await start({ fault: { kind: "hang_before_head" } });
  {
    using client = await RawClient.connect(simulator);
    await client.sendJson("/v1/chat/completions", STREAM);
    await until(() => simulator.state().running === 1);
    await simulator.setFault(null);
    assert.equal(
      (await postChat(simulator, DOCUMENT).then((it) => it.json())).object,
      "chat.completion",
    );
    assert.equal(simulator.state().running, 1);
  }
  await until(() => simulator.state().aborted === 1);
});

test("hang_before_first_token sends only the head", async () => {
  await using simulator = await start({
    fault: { kind: "hang_before_first_token" },
  });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", STREAM);
  assert.match(await client.readUntil("\r\n\r\n"), /200 OK[^]*\r\n\r\n$/);
  assert.equal(simulator.state().running, 1);
});

test("hang_mid_stream stops after afterTokens tokens while others continue", async () => {
  await using simulator = await start({
    fault: { kind: "hang_mid_stream", times: 1 },
  });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", STREAM);
  let text = "";
  while (countDeltas(text) < 3) text += await client.read();
  assert.equal(countDeltas(await readChat(simulator, STREAM)), 20);
  assert.equal(countDeltas(text), 3);
  assert.equal(simulator.state().running, 1);
});

test("slow also slows requests under way", async () => {
  await using simulator = await start({ speed: 20 });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", { ...STREAM, max_tokens: 3_000 });
  await client.readUntil("delta");
  await simulator.setFault({ kind: "slow", factor: 1000 });
  await until(async () => {
    const before = simulator.state().generationTokens;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return simulator.state().generationTokens === before;
  });
});

test("status answers with its status, and with retry-after if given", async () => {
  await using simulator = await start();
  for (const status of [500, 502, 503, 504, 429, 418]) {
    await simulator.setFault({ kind: "status", status, retryAfterSeconds: 7 });
    const response = await postChat(simulator, STREAM);
    assert.equal(response.status, status);
    assert.equal(response.headers.get("retry-after"), "7");
    assert.equal((await response.json()).error.code, status);
  }
});

test("error_event is a stream whose first event is an error", async () => {
  await using simulator = await start({ fault: { kind: "error_event" } });
  const response = await postChat(simulator, STREAM);
  assert.equal(response.status, 200);
  const [error, done, ...rest] = events(await response.text());
  assert.equal(error.error.code, 500);
  assert.deepEqual([done, rest], ["[DONE]", []]);
  const document = await postChat(simulator, DOCUMENT);
  assert.equal(document.status, 500);
  await document.body?.cancel();
});

test("error_event puts the given status into the event", async () => {
  await using simulator = await start({ fault: parseFault("error_event:429") });
  const response = await postChat(simulator, STREAM);
  assert.equal(response.status, 200);
  assert.equal(events(await response.text())[0].error.code, 429);
  const document = await postChat(simulator, DOCUMENT);
  assert.equal(document.status, 429);
  await document.body?.cancel();
});

test("truncated declares more than it sends", async () => {
  await using simulator = await start({ fault: { kind: "truncated" } });
  const [head, body] = (await readChat(simulator, DOCUMENT)).split("\r\n\r\n");
  const announced = Number(/content-length: (\d+)/.exec(head!)![1]);
  assert.ok(body!.length > 0 && body!.length < announced);
  assert.match(await readChat(simulator, STREAM), /200 OK[^]*\r\n\r\n$/);
  assert.equal(simulator.state().failed, 2);
});

test("refuse closes idle connections and refuses new ones until it is cleared", async () => {
  await using simulator = await start();
  using idle = await RawClient.connect(simulator);
  using busy = await RawClient.connect(simulator);
  await busy.sendJson("/v1/chat/completions", { ...STREAM, max_tokens: 3_000 });
  await busy.readUntil("delta");
  await simulator.setFault({ kind: "refuse" });
  assert.equal(await idle.read(), null);
  assert.match(await busy.readToEnd(), /DONE/);
  await assert.rejects(
    () => RawClient.connect(simulator),
    Deno.errors.ConnectionRefused,
  );
  await simulator.setFault(null);
  assert.equal(countDeltas(await readChat(simulator, STREAM)), 20);
});

test("refuse with seconds ends by itself", async () => {
  await using simulator = await start();
  await simulator.setFault({ kind: "refuse", seconds: 0.05 });
  await assert.rejects(
    () => RawClient.connect(simulator),
    Deno.errors.ConnectionRefused,
  );
  await until(() =>
    RawClient.connect(simulator).then((client) => {
      client[Symbol.dispose]();
      return true;
    }, () => false)
  );
});

test("faults of the metrics page", async () => {
  await using simulator = await start();
  const get = async (
    kind: "metrics_garbage" | "metrics_missing" | "metrics_404",
  ) => {
    await simulator.setFault({ kind });
    const response = await fetch(`${simulator.url}/metrics`);
    return [response.status, await response.text()] as const;
  };
  assert.equal((await get("metrics_garbage"))[0], 200);
  const [status, page] = await get("metrics_missing");
  assert.equal(status, 200);
  assert.match(page, /process_max_fds/);
  assert.doesNotMatch(page, /vllm:/);
  assert.equal((await get("metrics_404"))[0], 404);
});

test("metrics_hang and health_hang answer nothing", async () => {
  await using simulator = await start();
  for (
    const [kind, path] of [["metrics_hang", "/metrics"], [
      "health_hang",
      "/health",
    ]] as const
  ) {
    await simulator.setFault({ kind });
    using client = await RawClient.connect(simulator);
    await client.send(`GET ${path} HTTP/1.1\r\n\r\n`);
    const first = await Promise.race([
      client.read(),
      readChat(simulator, DOCUMENT).then(() => "another request was served"),
    ]);
    assert.equal(first, "another request was served");
  }
});

test("health_status and models_fail", async () => {
  await using simulator = await start({
    fault: { kind: "health_status", status: 503 },
  });
  const health = await fetch(`${simulator.url}/health`);
  assert.equal(health.status, 503);
  await health.body?.cancel();
  await simulator.setFault({ kind: "models_fail" });
  const models = await fetch(`${simulator.url}/v1/models`);
  assert.equal(models.status, 500);
  await models.body?.cancel();
  await simulator.setFault({ kind: "models_fail", status: 401 });
  const unauthorized = await fetch(`${simulator.url}/v1/models`);
  assert.equal(unauthorized.status, 401);
  assert.deepEqual(await unauthorized.json(), { error: "Unauthorized" });
});

test("a stalled server looks healthy, repeats its metrics and generates no token", async () => {
  await using simulator = await start();
  using first = await RawClient.connect(simulator);
  await first.sendJson("/v1/chat/completions", { ...STREAM, max_tokens: 3_000 });
  await first.readUntil("delta");
  await simulator.setFault({ kind: "stalled" });
  const before = simulator.state();
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", STREAM);
  await client.readUntil("\r\n\r\n");
  const page = await metrics(simulator);
  assert.equal(page.get("vllm:num_requests_running"), 1);
  assert.equal(page.get("vllm:num_requests_waiting"), 0);
  assert.equal(page.get("vllm:generation_tokens_total"), before.generationTokens);
  const { running, waiting, generationTokens } = simulator.state();
  assert.equal(running + waiting, 2);
  assert.equal(generationTokens, before.generationTokens);
  const health = await fetch(`${simulator.url}/health`);
  assert.equal(health.status, 200);
  await health.body?.cancel();
  await simulator.setFault(null);
  await client.readUntil("[DONE]");
  assert.ok((await metrics(simulator)).get("vllm:generation_tokens_total")! > 0);
});

test("a sleeping server aborts requests, answers 500 and reports an empty engine", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", {
    ...STREAM,
    max_tokens: 5000,
  });
  await client.readUntil("delta");
  await simulator.setFault({ kind: "sleeping" });
  assert.match(await client.readUntil("[DONE]"), /"finish_reason":"abort"/);
  const response = await postChat(simulator, STREAM);
  assert.equal(response.status, 500);
  await response.body?.cancel();
  const page = await metrics(simulator);
  assert.equal(page.get('vllm:engine_sleep_state{sleep_state="awake"}'), 0);
  assert.equal(
    page.get('vllm:engine_sleep_state{sleep_state="weights_offloaded"}'),
    1,
  );
  assert.equal(page.get("vllm:num_requests_running"), 0);
  assert.equal(page.get("vllm:kv_cache_usage_perc"), 0);
});

test("times clears a fault, and probability hits the same requests for the same seed", async () => {
  await using simulator = await start({
    fault: { kind: "status", status: 503, times: 2 },
  });
  const statuses = async (count: number) => {
    const seen: number[] = [];
    for (let index = 0; index < count; index++) {
      const response = await postChat(simulator, {
        ...DOCUMENT,
        max_tokens: 1,
      });
      seen.push(response.status);
      await response.body?.cancel();
    }
    return seen;
  };
  assert.deepEqual(await statuses(3), [503, 503, 200]);
  const draws: number[][] = [];
  for (let run = 0; run < 2; run++) {
    await using other = await start({
      seed: 3,
      fault: parseFault("status:503,probability=0.5"),
    });
    const seen: number[] = [];
    for (let index = 0; index < 20; index++) {
      const response = await postChat(other, { ...DOCUMENT, max_tokens: 1 });
      seen.push(response.status);
      await response.body?.cancel();
    }
    draws.push(seen);
  }
  assert.deepEqual(draws[0], draws[1]);
  assert.ok(draws[0]!.includes(200) && draws[0]!.includes(503));
});

test("the control endpoint sets, clears and rejects faults, and shows the state", async () => {
  await using simulator = await start();
  const control = (method: string, body?: string) =>
    fetch(`${simulator.url}/simulator/fault`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
  await (await control("POST", JSON.stringify({ kind: "status", status: 503 })))
    .text();
  assert.match(await readChat(simulator, STREAM), / 503 /);
  await (await control("DELETE")).text();
  assert.match(await readChat(simulator, STREAM), / 200 /);
  await (await control("POST", "null")).text();
  const refused = await control("POST", `{"kind":"status","status":7}`);
  assert.equal(refused.status, 400);
  assert.match((await refused.json()).detail, /status from 300 to 599/);
  const state = await (await fetch(`${simulator.url}/simulator/state`)).json();
  assert.deepEqual(Object.keys(state), Object.keys(simulator.state()));
});

test("a fault is parsed from text", () => {
  const cases: [string, Fault][] = [
    ["refuse", { kind: "refuse" }],
    ["refuse:2.5", { kind: "refuse", seconds: 2.5 }],
    ["status:503", { kind: "status", status: 503 }],
    ["status:429,retryAfterSeconds=2", {
      kind: "status",
      status: 429,
      retryAfterSeconds: 2,
    }],
    ["terminated:silence", { kind: "terminated", how: "silence" }],
    ["draining:5", { kind: "draining", seconds: 5 }],
    ["slow:factor=5", { kind: "slow", factor: 5 }],
    ["reset_mid_stream:afterTokens=10,probability=0.1", {
      kind: "reset_mid_stream",
      afterTokens: 10,
      probability: 0.1,
    }],
    ["hang_mid_stream:4,times=1", {
      kind: "hang_mid_stream",
      afterTokens: 4,
      times: 1,
    }],
  ];
  for (const [text, fault] of cases) assert.deepEqual(parseFault(text), fault);
});

test("text that is not a fault is rejected with what was expected", () => {
  const cases: [string, RegExp][] = [
    ["explode", /Unknown fault "explode": expected one of reset_before_head/],
    ["", /Unknown fault ""/],
    ["status", /expected a status/],
    ["status:abc", /a status from 300 to 599 for status instead of "abc"/],
    [
      "slow:speed=2",
      /no parameter "speed": expected factor, probability, times/,
    ],
    ["terminated:softly", /abort, error or silence for how instead of "softly"/],
    ["gateway_status", /expected a status/],
    ["stalled:5", /"stalled" has no parameter/],
    ["slow:2,3", /expected name=value instead of "3"/],
    ["slow:", /a number above 0 for factor instead of ""/],
    [
      "status:503,probability=2",
      /a number from 0 to 1 for probability instead of 2/,
    ],
    ["toString", /Unknown fault/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseFault(text), message);
  }
});
