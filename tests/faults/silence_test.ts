import assert from "node:assert/strict";
import { ask, eventsOf, inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { modelsPage, startUpstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

// Dead servers are abandoned at once, and working ones waited for (issue 13, section 4).

/** Reads a stream until it ends or breaks. */
async function readAll(response: Response): Promise<{ text: string; isWhole: boolean }> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const bytes of response.body!) text += decoder.decode(bytes, { stream: true });
    return { text, isWhole: true };
  } catch {
    return { text, isWhole: false };
  }
}

Deno.test("a server that refuses connections while open requests receive nothing: requests without a token move at once, and blame it once", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 50, maxNumSeqs: 1, capacity: 100 }, { capacity: 100 }],
    settings: { policy: "round_robin", request_timeout: 60, stall_timeout: 0.5 },
  });
  const { router, simulators: [dying] } = fleet;
  const begun = await ask(router.url, { stream: true, tokens: 1000 });
  const reading = readAll(begun);
  await (await ask(router.url)).body?.cancel();
  const waiting: Promise<Response>[] = [];
  for (let i = 0; i < 5; i++) {
    waiting.push(ask(router.url, { stream: i % 2 === 0 }));
    await (await ask(router.url)).body?.cancel();
  }
  await until("they wait there", () => dying!.state().received === 6);
  await dying!.setFault({ kind: "terminated", how: "silence" });
  const started = performance.now();
  for (const response of await Promise.all(waiting)) {
    assert.equal(response.status, 200);
    await response.text();
  }
  assert.ok(performance.now() - started < 30_000, "long before request_timeout");
  assert.equal(router.fleet.servers[0]!.health.consecutiveRequestFailures, 0, "no second blame");
  assert.equal(router.fleet.snapshot().servers[0]!.state, "unhealthy");
  const { text, isWhole } = await reading;
  assert.equal(isWhole, true, "the stream that had begun goes on elsewhere");
  assert.equal(eventsOf(text).at(-1), "[DONE]");
  await until("nothing is in flight", () => inFlight(router) === 0);
});

Deno.test("an engine that hangs while idle is found stalled by the router's own requests, stays unhealthy, and is tried with one at a time", async () => {
  await using fleet = await startFleet({
    servers: [{ capacity: 100 }, { capacity: 1 }],
    settings: { policy: "round_robin", request_timeout: 60, stall_timeout: 0.5 },
  });
  const { router, simulators: [hung] } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  await (await ask(router.url)).body?.cancel();
  await (await ask(router.url)).body?.cancel();
  await hung!.setFault({ kind: "stalled_idle" });
  const { received } = hung!.state();
  const moved = await ask(router.url, { stream: true });
  assert.equal(eventsOf(await moved.text()).at(-1), "[DONE]", "another server answered");
  assert.equal(hung!.state().received, received + 1, "it was asked");
  assert.notEqual(state(), "healthy");
  for (let i = 0; i < 6; i++) await (await ask(router.url)).body?.cancel();
  assert.equal(hung!.state().received, received + 1, "nothing new arrives");
  assert.equal(router.fleet.servers[0]!.health.consecutiveRequestFailures, 0);
  await hung!.setFault(null);
  await until("it can be tried", () => state() === "half-open");
  for (let i = 0; i < 2; i++) await (await ask(router.url)).body?.cancel();
  await until("it is back", () => state() === "healthy");
});

Deno.test("comments are no progress: a hung engine that sends them is abandoned like any other", async () => {
  await using fleet = await startFleet({
    servers: [{ sseKeepAliveSeconds: 0.1, capacity: 100 }, { capacity: 1 }],
    settings: { policy: "round_robin", request_timeout: 1.5 },
  });
  await fleet.simulators[0]!.setFault({ kind: "hang_before_first_token" });
  const response = await ask(fleet.router.url, { stream: true });
  const { text, isWhole } = await readAll(response);
  assert.ok(isWhole);
  assert.ok(text.startsWith(": "), "comments are passed on as they come");
  assert.equal(eventsOf(text).at(-1), "[DONE]", "another server answered");
});

Deno.test("an unstreamed answer that takes several times request_timeout is computed once if the engine's counters move", async () => {
  await using fleet = await startFleet({
    servers: Array(4).fill({ speed: 1, interTokenMs: 30 }),
    settings: { request_timeout: 1 },
  });
  const answer = await ask(fleet.router.url, { tokens: 100 });
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).usage.completion_tokens, 100);
  const received = fleet.simulators.map(({ state }) => state().received);
  assert.equal(received.reduce((sum, count) => sum + count), 1, `${received}`);
});

Deno.test("the router waits for prompts that take several times request_timeout while the engine makes progress", async () => {
  const content = "many words ".repeat(4_000);
  await using fleet = await startFleet({
    servers: Array(2).fill({
      speed: 1,
      prefillTokensPerSecond: 3_000,
      maxNumBatchedTokens: 1_024,
      metricsAtStepEnd: true,
    }),
    settings: { request_timeout: 1, stall_timeout: 1 },
  });
  const answers = await Promise.all(
    [1, 2].map((salt) => ask(fleet.router.url, { stream: true, content: `${salt} ${content}` })),
  );
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.equal(eventsOf(await answer.text()).at(-1), "[DONE]");
  }
  const received = fleet.simulators.map(({ state }) => state().received);
  assert.deepEqual(received, [1, 1], "each was computed once");
  const states = fleet.router.fleet.snapshot().servers.map(({ state }) => state);
  assert.deepEqual(states, ["healthy", "healthy"]);
});

Deno.test("without another server, one that was tried and has recovered is tried again", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "reset_before_head" } }, { fault: { kind: "hang_before_head" } }],
    settings: { policy: "round_robin", request_timeout: 4 },
  });
  const { router, simulators: [recovering, hanging] } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  const asked = ask(router.url);
  await until("both were asked", () => hanging!.state().received === 1);
  assert.ok(recovering!.state().received > 0);
  await recovering!.setFault({ kind: "terminated", how: "silence" });
  await until("one has left rotation", () => state() === "unhealthy");
  await recovering!.setFault(null);
  const answer = await asked;
  assert.equal(answer.status, 200, await answer.text());
  assert.equal(recovering!.state().finished, 1);
});

Deno.test("all requests that wait at a server that becomes unhealthy move, however many, without using the retry budget", async () => {
  await using fleet = await startFleet({
    servers: [{ maxNumSeqs: 1, capacity: 1_000 }, { maxNumSeqs: 1_000, capacity: 1_000 }],
    settings: { policy: "round_robin", request_timeout: 60, stall_timeout: 0.5 },
  });
  const { router, simulators: [hung] } = fleet;
  await hung!.setFault({ kind: "stalled_idle" });
  const answers = await Promise.all(
    Array.from({ length: 400 }, () => ask(router.url, { stream: true, tokens: 2 })),
  );
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    await answer.text();
  }
});

Deno.test("a single request that hangs at an idle server doesn't make the next servers look stalled", async () => {
  // Its engine has worked before and is idle now.
  const labels = `{engine="0",model_name="m"}`;
  const page = `vllm:num_requests_running${labels} 0.0\nvllm:num_requests_waiting${labels} 0.0\n` +
    `vllm:generation_tokens_total${labels} 5.0\nvllm:prompt_tokens_total${labels} 5.0\n`;
  const left = Promise.withResolvers<Response>();
  const start = () =>
    startUpstream(({ url, method }) => {
      if (url.endsWith("/v1/models")) return modelsPage(MODEL);
      if (url.endsWith("/metrics")) return new Response(page);
      return method === "GET" ? new Response() : left.promise.then((answer) => answer.clone());
    });
  await using first = start();
  await using second = start();
  await using third = start();
  await using router = await startRouter(
    [first, second, third].map(({ url }) => ({ url })),
    { request_timeout: 1.5, stall_timeout: 0.3 },
  );
  const out = new Set<string>();
  const hanging = ask(router.url);
  let ended = false;
  hanging.then(() => ended = true);
  await until("it has ended", () => {
    for (const { url, state } of router.fleet.snapshot().servers) {
      if (state === "stalled" || state === "unhealthy") out.add(url);
    }
    return ended;
  });
  await (await hanging).body?.cancel();
  left.resolve(new Response());
  assert.equal(out.size, 1, "the first alone");
});
