import assert from "node:assert/strict";
import type { Fault } from "../../src/simulator/simulator.ts";
import { ask, eventsOf, MODEL, startFleet } from "../support/fleet.ts";

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()).error;
}

Deno.test("each retry goes to a server not tried yet, at most max_retries times", async () => {
  const fault: Fault = { kind: "status", status: 500 };
  await using fleet = await startFleet({
    servers: [{ fault }, { fault }, { fault }, { fault }],
    settings: { max_retries: 2, failure_threshold: 100 },
  });
  const response = await ask(fleet.router.url);
  assert.equal(response.status, 500, "the last upstream answer");
  assert.match(String((await errorOf(response)).message), /./);
  const received = fleet.simulators.map((simulator) => simulator.state().received);
  assert.deepEqual(received.toSorted(), [0, 1, 1, 1]);
});

Deno.test("if no attempt got an answer, the client gets a 502", async () => {
  const fault: Fault = { kind: "reset_before_head" };
  await using fleet = await startFleet({ servers: [{ fault }, { fault }] });
  const response = await ask(fleet.router.url);
  assert.equal(response.status, 502);
  const error = await errorOf(response);
  assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
  assert.equal(error.code, "servers_failed");
});

Deno.test("if all servers stayed silent, the client gets a 504", async () => {
  const fault: Fault = { kind: "hang_before_head" };
  await using fleet = await startFleet({
    servers: [{ fault }, { fault }],
    settings: { request_timeout: 0.2 },
  });
  const response = await ask(fleet.router.url);
  assert.equal(response.status, 504);
  assert.equal((await errorOf(response)).type, "gateway_timeout");
});

Deno.test("the last upstream answer takes precedence over a later failure without one", async () => {
  await using fleet = await startFleet({
    servers: [
      { fault: { kind: "status", status: 503, retryAfterSeconds: 7 } },
      {
        fault: { kind: "reset_before_head" },
      },
    ],
    settings: { policy: "round_robin" },
  });
  const response = await ask(fleet.router.url);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "7");
  await response.body?.cancel();
});

Deno.test("a client's own error passes through untouched, without a retry or blame", async () => {
  await using fleet = await startFleet({
    servers: [{}, {}],
    settings: { failure_threshold: 1 },
  });
  const body = JSON.stringify({ model: MODEL, messages: "not a list" });
  const request = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  };
  const direct = await fetch(
    `${fleet.simulators[0]!.url}/v1/chat/completions`,
    request,
  );
  const routed = await fetch(
    `${fleet.router.url}/v1/chat/completions`,
    request,
  );
  assert.equal(routed.status, 400);
  assert.equal(await routed.text(), await direct.text());
  assert.equal(
    fleet.simulators[0]!.state().received +
      fleet.simulators[1]!.state().received,
    2,
  );
  assert.ok(
    fleet.router.fleet.snapshot().servers.every(({ state }) => state === "healthy"),
  );
});

Deno.test("a model that no server lists gets 404, one whose servers are unhealthy 503 with Retry-After", async () => {
  await using fleet = await startFleet({
    servers: [{ models: ["a"] }, { models: ["b"] }],
    settings: { failure_threshold: 1, health_check_interval: 60 },
  });
  const unknown = await ask(fleet.router.url, { model: "c" });
  assert.equal(unknown.status, 404);
  assert.equal((await errorOf(unknown)).param, "model");

  await fleet.simulators[1]!.setFault({ kind: "reset_before_head" });
  await (await ask(fleet.router.url, { model: "b" })).body?.cancel();
  const out = await ask(fleet.router.url, { model: "b" });
  assert.equal(out.status, 503);
  assert.equal(out.headers.get("retry-after"), "2");
  assert.equal((await errorOf(out)).code, "no_server_available");
});

Deno.test("a silence limit never cuts off a long answer that keeps arriving", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 30 }],
    settings: { request_timeout: 1 },
  });
  const response = await ask(fleet.router.url, { stream: true, tokens: 80 });
  assert.equal(eventsOf(await response.text()).at(-1), "[DONE]");
});

Deno.test("a server that rejects requests at once attracts no more of them", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "status", status: 503 } }, {}, {}],
    settings: { health_check_interval: 60 },
  });
  const clients = Array.from({ length: 6 }, async () => {
    for (let i = 0; i < 20; i++) {
      const response = await ask(fleet.router.url);
      assert.equal(response.status, 200);
      await response.body?.cancel();
    }
  });
  const started = performance.now();
  await Promise.all(clients);
  // It is asked at most once a second, by requests that came before its first answer.
  const most = 6 * Math.ceil((performance.now() - started) / 1_000);
  const { received } = fleet.simulators[0]!.state();
  assert.ok(received <= most, `${received} of 120 met it, expected at most ${most}`);
  assert.equal(fleet.router.fleet.snapshot().servers[0]!.state, "healthy", "not blamed");
});
