import assert from "node:assert/strict";
import type { Fault } from "../../src/simulator/simulator.ts";
import { ask, eventsOf, inFlight, MODEL, startFleet, type TestFleet } from "../support/fleet.ts";
import { chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { startRouter } from "../support/router.ts";
import { deadUrl } from "../support/upstream.ts";
import { until } from "../support/until.ts";

// The rows of the table in docs/reliability.md for failures before the first token.

/** A faulty server that is asked first, and a good one. */
function faultyAndWell(fault: Fault, settings: Record<string, unknown> = {}) {
  return startFleet({
    servers: [{ fault, capacity: 100 }, { capacity: 1 }],
    settings: { policy: "round_robin", health_check_interval: 60, ...settings },
  });
}

const stateOf = ({ router }: Pick<TestFleet, "router">, at = 0) =>
  router.fleet.snapshot().servers[at]!;

async function assertAnswered(response: Response, stream: boolean) {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  if (!stream) {
    assert.equal(JSON.parse(text).usage.completion_tokens, 5);
    return;
  }
  const events = eventsOf(text) as { choices: { delta: { role?: string } }[] }[];
  assert.equal(events[0]!.choices[0]!.delta.role, "assistant", "from the first token");
  assert.equal(events.at(-1), "[DONE]");
}

/** Faults, and whether the server is blamed for them. */
const rows: readonly [string, Fault, "blamed" | "not blamed"][] = [
  ["a reset before the head", { kind: "reset_before_head" }, "blamed"],
  ["a hang before the head", { kind: "hang_before_head" }, "blamed"],
  ["a head, then a hang before the first token", { kind: "hang_before_first_token" }, "blamed"],
  ["a head, then death before the first token", { kind: "truncated" }, "blamed"],
  ["garbled HTTP", { kind: "garbled" }, "blamed"],
  ["status 500", { kind: "status", status: 500 }, "blamed"],
  ["status 502", { kind: "status", status: 502 }, "blamed"],
  ["status 504", { kind: "status", status: 504 }, "blamed"],
  ["status 503", { kind: "status", status: 503 }, "not blamed"],
  ["status 429", { kind: "status", status: 429 }, "not blamed"],
  ["an error of the 500 kind as the first event", { kind: "error_event" }, "blamed"],
  ["a 503 as the first event", { kind: "error_event", status: 503 }, "not blamed"],
];

for (const [name, fault, blame] of rows) {
  for (const stream of [true, false]) {
    Deno.test(`${name}, ${stream ? "stream" : "no stream"}: another server's answer; the server is ${blame}`, async () => {
      const request_timeout = fault.kind.startsWith("hang") ? 1 : 60;
      await using fleet = await faultyAndWell(fault, { request_timeout });
      await assertAnswered(await ask(fleet.router.url, { stream }), stream);
      assert.ok(fleet.simulators[0]!.state().received >= 1, "was tried");
      assert.equal(stateOf(fleet).consecutiveFailures, blame === "blamed" ? 1 : 0);
      assert.equal(inFlight(fleet.router), 0);
    });
  }
}

Deno.test("a Content-Length longer than what follows, no stream: another server's answer; blamed", async () => {
  await using fleet = await faultyAndWell({ kind: "wrong_length" });
  await assertAnswered(await ask(fleet.router.url), false);
  assert.equal(stateOf(fleet).consecutiveFailures, 1);
});

for (
  const [name, url] of [
    ["connection refused", deadUrl()],
    ["a name that can't be resolved", "http://no-such-host.invalid:8000"],
  ] as const
) {
  Deno.test(`${name}: another server's answer; the server is out after failure_threshold`, async () => {
    await using well = await startFleet({ servers: [{}] });
    await using router = await startRouter(
      [{ url, models: [MODEL] }, { url: well.simulators[0]!.url }],
      { policy: "round_robin", health_check_interval: 60, enable_active_health_check: false },
    );
    // Without active checks only requests count; the first check has failed, so restore the server.
    const server = router.fleet.servers[0]!;
    router.fleet.recordCheck(server as never, { ok: true, responseMs: 1 });
    for (let i = 0; i < 4; i++) await assertAnswered(await ask(router.url), false);
    assert.equal(router.fleet.snapshot().servers[0]!.state, "unhealthy");
    assert.match(router.fleet.snapshot().servers[0]!.reason, /^2 requests failed in a row: /);
  });
}

Deno.test("a connect that hangs: another server's answer within 5 s; the server is out", async () => {
  await using fleet = await startFleet({
    servers: [{ capacity: 100 }, { capacity: 1 }],
    settings: {
      policy: "round_robin",
      connect_timeout: 1,
      request_timeout: 60,
      failure_threshold: 1,
      metrics_interval: 60,
      health_check_interval: 60,
    },
  });
  await fleet.simulators[0]!.setFault({ kind: "connect_hang" });
  const started = performance.now();
  const answers = await Promise.all([ask(fleet.router.url), ask(fleet.router.url)]);
  for (const answer of answers) await assertAnswered(answer, false);
  // Longer than 5 s only because the machine is slow.
  assert.ok(performance.now() - started < 30_000, "long before request_timeout");
  assert.equal(stateOf(fleet).state, "unhealthy");
});

Deno.test("a slow answer over an open connection is not mistaken for a connect that hangs", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 60 }],
    settings: { connect_timeout: 1 },
  });
  const response = await ask(fleet.router.url, { tokens: 40 });
  assert.equal((await response.json()).usage.completion_tokens, 40);
});

Deno.test("a reset on a reused idle connection: an answer over a fresh one; the server is not blamed", async () => {
  // Every reused connection breaks, so a retry on another reused one would break too.
  await using fleet = await startFleet({
    servers: [{}],
    settings: { metrics_interval: 60, health_check_interval: 60 },
  });
  const warm = Array.from({ length: 8 }, () => ask(fleet.router.url, { tokens: 40 }));
  for (const answer of await Promise.all(warm)) await answer.body?.cancel();
  await until("all are idle", () => inFlight(fleet.router) === 0);
  await fleet.simulators[0]!.setFault({ kind: "idle_reset" });
  for (const stream of [true, false, true, false]) {
    await assertAnswered(await ask(fleet.router.url, { stream }), stream);
  }
  assert.ok(fleet.simulators[0]!.state().failed >= 1, "connections did break");
  assert.equal(stateOf(fleet).consecutiveFailures, 0);
  assert.equal(stateOf(fleet).state, "healthy");
});

Deno.test("comments before the first event are not a first token: if the server dies after them, another one answers", async () => {
  await using dying = startRaw(async (connection) => {
    await say(connection, STREAM_HEAD + chunk(": keep-alive\n\n") + chunk(": keep-alive\n\n"));
    connection.close();
  });
  await using well = await startFleet({ servers: [{}] });
  await using router = await startRouter(
    [{ url: dying.url, models: [MODEL] }, { url: well.simulators[0]!.url }],
    { policy: "round_robin" },
  );
  await assertAnswered(await ask(router.url, { stream: true }), true);
  assert.equal(dying.requests(), 1);
});

Deno.test("a response that was created but not begun has no first token: if the server hangs or dies then, another one answers", async () => {
  for (const kind of ["hang_before_first_token", "truncated"] as const) {
    await using fleet = await faultyAndWell({ kind }, { request_timeout: 1 });
    const response = await fetch(`${fleet.router.url}/v1/responses`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, input: "Hello", max_output_tokens: 3, stream: true }),
    });
    const text = await response.text();
    assert.equal(text.split("event: response.created\n").length - 1, 1, "of one server alone");
    assert.equal(text.split("event: response.output_text.delta\n").length - 1, 3);
    assert.equal(fleet.simulators[0]!.state().received, 1, "was tried");
    // A full server breaks off there as well: its metrics show that this one isn't full.
    await until("it is blamed", () => stateOf(fleet).consecutiveFailures === 1);
  }
});

Deno.test("an error of the 400 kind as the first event is the client's own, and is passed on", async () => {
  await using fleet = await faultyAndWell({ kind: "error_event", status: 400 });
  const response = await ask(fleet.router.url, { stream: true });
  const [event] = eventsOf(await response.text()) as { error: { code: number } }[];
  assert.equal(event!.error.code, 400);
  assert.equal(fleet.simulators[1]!.state().received, 0);
  assert.equal(stateOf(fleet).consecutiveFailures, 0);
});

Deno.test("if all servers answer with 500, 502, 503 or 504, the client gets the last answer", async () => {
  for (const status of [500, 502, 503, 504]) {
    const fault: Fault = { kind: "status", status };
    await using fleet = await startFleet({ servers: [{ fault }, { fault }] });
    const response = await ask(fleet.router.url);
    assert.equal(response.status, status);
    assert.equal((await response.json()).error.code, status);
  }
});

Deno.test("if every server's stream begins with an error, the client gets the last error, and an end", async () => {
  const fault: Fault = { kind: "error_event" };
  await using fleet = await startFleet({ servers: [{ fault }, { fault }] });
  const events = eventsOf(await (await ask(fleet.router.url, { stream: true })).text());
  assert.equal((events[0] as { error: { code: number } }).error.code, 500);
  assert.ok(fleet.simulators.every((simulator) => simulator.state().received === 1));
});

for (const status of [503, 429]) {
  Deno.test(`a server that answers ${status} gets no requests for the duration of its Retry-After, and is not blamed`, async () => {
    await using fleet = await startFleet({
      servers: [{ fault: { kind: "status", status, retryAfterSeconds: 60 } }, {}],
      settings: { policy: "round_robin" },
    });
    for (let i = 0; i < 6; i++) await assertAnswered(await ask(fleet.router.url), false);
    assert.equal(fleet.simulators[0]!.state().received, 1);
    assert.equal(stateOf(fleet).state, "healthy");
    const { backpressureUntil } = fleet.router.fleet.servers[0]!;
    const restMs = backpressureUntil - Date.now();
    // Without Retry-After it rests for at most 36 s.
    assert.ok(restMs > 40_000 && restMs < 61_000, `${restMs} ms`);
  });
}
