import assert from "node:assert/strict";
import { ask, startFleet, type TestFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

// A poisonous request does not take down the fleet (issue 13, section 2).

const POISON = "break any server";

/** Sends good and bad requests concurrently; returns the statuses of the good ones. */
async function besidePoison(
  { router }: TestFleet,
  { good, bad, everyMs }: { good: number; bad: number; everyMs: number },
): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  const requests: Promise<void>[] = [];
  const send = async (content: string, count: boolean) => {
    const { status, body } = await ask(router.url, { content, tokens: 2 });
    await body?.cancel();
    if (count) seen[status] = (seen[status] ?? 0) + 1;
  };
  for (let i = 0; i < Math.max(good, bad); i++) {
    if (i < good) requests.push(send("Hello", true));
    if (i < bad) requests.push(send(POISON, false));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await Promise.all(requests);
  return seen;
}

for (const answer of ["error", "reset"] as const) {
  Deno.test(`requests that every server ${answer === "error" ? "answers 500 to" : "breaks at"} fail no other request, if they are few among many`, async () => {
    await using fleet = await startFleet({
      servers: Array(3).fill({ poison: { marker: POISON, answer } }),
      settings: { health_check_interval: 60 },
    });
    assert.deepEqual(await besidePoison(fleet, { good: 100, bad: 25, everyMs: 20 }), { 200: 100 });
    const states = fleet.router.fleet.snapshot().servers.map(({ state }) => state);
    assert.deepEqual(states, ["healthy", "healthy", "healthy"]);
  });
}

Deno.test("a flood of requests that break any server, beyond the retry budget, makes no server unhealthy", async () => {
  await using fleet = await startFleet({
    servers: Array(8).fill({ poison: { marker: POISON, answer: "error" } }),
    settings: { health_check_interval: 60 },
  });
  assert.deepEqual(await besidePoison(fleet, { good: 60, bad: 420, everyMs: 7 }), { 200: 60 });
  assert.ok(fleet.router.fleet.snapshot().servers.every(({ state }) => state === "healthy"));
});

Deno.test("a server that fails requests that others answer is unhealthy, even among requests that break all servers", async () => {
  await using fleet = await startFleet({
    servers: [
      { fault: { kind: "status", status: 500 } },
      ...Array(2).fill({ poison: { marker: POISON, answer: "error" } }),
    ],
    settings: { policy: "round_robin", health_check_interval: 60 },
  });
  assert.deepEqual(await besidePoison(fleet, { good: 30, bad: 10, everyMs: 20 }), { 200: 30 });
  const states = fleet.router.fleet.snapshot().servers.map(({ state }) => state);
  assert.deepEqual(states, ["unhealthy", "healthy", "healthy"]);
});

Deno.test("responses that every server breaks off make no server unhealthy", async () => {
  await using fleet = await startFleet({
    servers: Array(3).fill({ fault: { kind: "truncated" } }),
    settings: { health_check_interval: 60 },
  });
  for (let i = 0; i < 6; i++) {
    const answer = await fetch(`${fleet.router.url}/v1/responses`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "simulated-model", input: "Hello", stream: true }),
    });
    await answer.text().catch(() => {});
  }
  const read = () => Math.min(...fleet.router.fleet.servers.map(({ scrapedAt }) => scrapedAt ?? 0));
  const before = read();
  await until("their pages were read again", () => read() > before);
  const states = fleet.router.fleet.snapshot().servers.map(({ state }) => state);
  assert.deepEqual(states, ["healthy", "healthy", "healthy"]);
});

Deno.test("a client that disconnects before a second server has answered blames no server", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "status", status: 500 } }, { fault: { kind: "hang_before_head" } }],
    settings: { policy: "round_robin", failure_threshold: 1, health_check_interval: 60 },
  });
  const leave = new AbortController();
  const asked = ask(fleet.router.url, { signal: leave.signal });
  await until("it moved on", () => fleet.router.fleet.servers[1]!.inFlight === 1);
  leave.abort();
  await asked.catch(() => {});
  await until("nothing is in flight", () => fleet.router.fleet.servers[1]!.inFlight === 0);
  assert.equal(fleet.router.fleet.snapshot().servers[0]!.state, "healthy");
});
