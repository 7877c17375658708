import assert from "node:assert/strict";
import fc from "fast-check";
import type { Decision } from "../../src/fleet/decision.ts";
import type { Tried } from "../../src/fleet/eligible.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Lease } from "../../src/fleet/lease.ts";
import type { Outcome } from "../../src/fleet/outcome.ts";
import type { Server } from "../../src/fleet/state/server.ts";
import { configOf } from "../support/config.ts";
import { numRuns } from "../support/property.ts";
import { seeded } from "../support/random.ts";
import { profileOf } from "../support/work.ts";

/** A fleet of healthy servers with a fake clock. */
function fleetOf(count: number, seed = 1) {
  const clock = { now: 1_000_000 };
  const decisions: Decision[] = [];
  const servers = Array.from({ length: count }, (_, i) => ({
    url: `http://${i}`,
    max_concurrent_requests: 64,
    models: ["m"],
  }));
  const fleet = new Fleet({
    config: configOf(servers),
    now: () => clock.now,
    random: seeded(seed),
    onDecision: (decision) => void decisions.push(decision),
  });
  for (const server of fleet.servers as Server[]) {
    fleet.recordCheck(server, { ok: true, responseMs: 1 });
  }
  return { fleet, clock, decisions };
}

function leaseOf(fleet: Fleet, profile = profileOf(), tried: Tried = new Map()): Lease {
  const lease = fleet.acquire(profile, tried);
  if (typeof lease === "string") throw new Error(`Refused: ${lease}`);
  return lease;
}

/** A server's speed: prompts are computed in sequence, answers concurrently. */
interface Speed {
  readonly tokensPerSecond: number;
  readonly answerTokensPerSecond: number;
}

/**
 * Sends requests at random times to servers of these speeds.
 *
 * @returns prompt tokens that each server got in the second half
 */
function replay(speeds: readonly Speed[], perSecond: number, seconds: number, seed = 1): number[] {
  const { fleet, clock } = fleetOf(speeds.length, seed);
  const random = seeded(seed + 100);
  const freeAt = speeds.map(() => 0);
  const got = speeds.map(() => 0);
  let events: { readonly at: number; readonly happen: () => void }[] = [];
  const startedAt = clock.now;
  let nextAt = startedAt;
  while (nextAt < startedAt + seconds * 1_000) {
    nextAt += -Math.log(1 - random()) * 1_000 / perSecond;
    for (const event of events.sort((a, b) => a.at - b.at)) {
      if (event.at > nextAt) break;
      clock.now = event.at;
      event.happen();
    }
    events = events.filter(({ at }) => at > nextAt);
    clock.now = nextAt;
    const tokens = 500 + Math.floor(6_000 * random() ** 2);
    const answerTokens = 20 + Math.floor(200 * random());
    const lease = leaseOf(fleet, profileOf({ model: "m", promptBytes: 4 * tokens }));
    const { id } = lease.server;
    const { tokensPerSecond, answerTokensPerSecond } = speeds[id]!;
    const firstAt = Math.max(clock.now, freeAt[id]!) + 1_000 * tokens / tokensPerSecond + 20;
    freeAt[id] = firstAt;
    events.push({ at: firstAt, happen: () => lease.started() });
    events.push({
      at: firstAt + 1_000 * answerTokens / answerTokensPerSecond,
      happen: () => lease.end("ok", { promptTokens: tokens, answerTokens }),
    });
    if (nextAt > startedAt + seconds * 500) got[id]! += tokens;
  }
  for (const event of events.sort((a, b) => a.at - b.at)) {
    clock.now = event.at;
    event.happen();
  }
  for (const { work, inFlight } of fleet.snapshot().servers) {
    assert.deepEqual([work.pendingTokens, inFlight], [0, 0]);
  }
  return got;
}

const FAST: Speed = { tokensPerSecond: 10_000, answerTokensPerSecond: 50 };
const SLOW: Speed = { tokensPerSecond: 5_000, answerTokensPerSecond: 25 };

/** Sums several runs, so that chance evens out. */
function replays(speeds: readonly Speed[], perSecond: number): number[] {
  return [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => replay(speeds, perSecond, 400, seed))
    .reduce((sums, got) => sums.map((sum, i) => sum + got[i]!));
}

Deno.test("a server twice as fast gets about twice the work without any configuration", () => {
  const [fast, slow] = replays([FAST, SLOW], 5);
  const ratio = fast! / slow!;
  assert.ok(ratio > 1.6 && ratio < 2.6, `${ratio.toFixed(2)} times`);
});

Deno.test("equal servers get equal work, within a tenth", () => {
  const got = replays([FAST, FAST, FAST, FAST], 8);
  const mean = got.reduce((a, b) => a + b) / got.length;
  for (const tokens of got) assert.ok(Math.abs(tokens - mean) < 0.1 * mean, `${got}`);
});

Deno.test("a long prompt sends the short ones after it elsewhere", () => {
  const { fleet } = fleetOf(2);
  const { server } = leaseOf(fleet, profileOf({ promptBytes: 400_000 }));
  for (let i = 0; i < 10; i++) {
    assert.notEqual(leaseOf(fleet, profileOf({ promptBytes: 4_000 })).server, server);
  }
});

Deno.test("a prompt goes where its prefix is cached, until that costs more than recomputing it", () => {
  const { fleet, clock } = fleetOf(4);
  const blocks = Array.from({ length: 40 }, (_, i) => i);
  const prompt = profileOf({ promptBytes: 40 * 512, blocks });
  const first = leaseOf(fleet, prompt);
  clock.now += 600;
  first.started();
  const chosen = Array.from({ length: 80 }, () => leaseOf(fleet, prompt).server);
  assert.equal(chosen[0], first.server);
  assert.equal(chosen[1], first.server);
  assert.ok(new Set(chosen).size > 1, "affinity has a price");
});

Deno.test("a conversation stays on its server while others are equally free", () => {
  const { fleet, clock } = fleetOf(4);
  const ask = (turn: number) => {
    const blocks = Array.from({ length: 10 * turn }, (_, i) => i);
    const lease = leaseOf(fleet, profileOf({ promptBytes: 512 * 10 * turn, blocks }));
    clock.now += 300;
    lease.started();
    clock.now += 2_000;
    lease.end("ok");
    return lease.server;
  };
  const turns = [1, 2, 3, 4, 5, 6].map(ask);
  assert.deepEqual(new Set(turns).size, 1);
});

Deno.test("a session without a common prefix stays on its server too", () => {
  const { fleet } = fleetOf(4);
  const profile = profileOf({ promptBytes: 8_000, session: 5 });
  const ask = () => {
    const lease = leaseOf(fleet, profile);
    lease.started();
    lease.end("ok");
    return lease.server;
  };
  assert.equal(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(ask)).size, 1);
});

Deno.test("the server that has the prompt is not chosen if it was tried or is unhealthy", () => {
  const { fleet, clock } = fleetOf(3);
  const profile = profileOf({
    promptBytes: 51_200,
    blocks: Array.from({ length: 100 }, (_, i) => i),
  });
  const lease = leaseOf(fleet, profile);
  lease.started();
  lease.end("ok");
  const server = lease.server as Server;
  assert.notEqual(leaseOf(fleet, profile, new Map([[server, clock.now]])).server, server);
  for (let i = 0; i < 3; i++) fleet.recordCheck(server, { ok: false, responseMs: 1 });
  for (let i = 0; i < 20; i++) assert.notEqual(leaseOf(fleet, profile).server, server);
});

Deno.test("when all requests have ended nothing is pending, in whatever order they start and end", () => {
  const outcomes: Outcome[] = ["ok", "reset", "client_closed", "client_error", "truncated"];
  const which = fc.nat();
  const event = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("acquire" as const),
        promptBytes: fc.nat(500_000),
        blocks: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 }),
        session: fc.option(fc.nat(3), { nil: undefined }),
        stream: fc.boolean(),
        not: fc.option(fc.nat(2)),
      }),
    },
    fc.record({ do: fc.constant("start" as const), which }),
    fc.record({ do: fc.constant("end" as const), which, how: fc.constantFrom(...outcomes) }),
  );
  const events = fc.array(fc.tuple(event, fc.nat(3_000)), { maxLength: 40 });
  fc.assert(
    fc.property(events, (events) => {
      const { fleet, clock, decisions } = fleetOf(3);
      const servers = fleet.servers as Server[];
      const all: Lease[] = [];
      for (const [event, laterMs] of events) {
        clock.now += laterMs;
        if (event.do === "acquire") {
          const { do: _, not, ...profile } = event;
          const tried = new Map(not === null ? [] : [[servers[not]!, clock.now]]);
          const lease = fleet.acquire(profileOf(profile), tried);
          if (typeof lease === "string") continue;
          assert.ok(!tried.has(lease.server as Server), "an excluded server is never chosen");
          all.push(lease);
        } else if (all.length > 0) {
          // May already have started or ended.
          const lease = all[event.which % all.length]!;
          if (event.do === "start") lease.started();
          else lease.end(event.how, { promptTokens: 100, answerTokens: 10 });
        }
      }
      for (const lease of all) lease.end("ok");
      for (const { work, inFlight } of fleet.snapshot().servers) {
        assert.deepEqual([work.pendingTokens, inFlight], [0, 0]);
      }
      leaseOf(fleet);
      for (const { prediction } of decisions.at(-1)!.candidates) {
        assert.equal(prediction?.pendingTokens, 0);
      }
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  );
});

Deno.test("until a pace is known, the server that has a prompt's beginning gets the next ones as well", () => {
  const { fleet } = fleetOf(4);
  const blocks = Array.from({ length: 80 }, (_, i) => 1_000 + i);
  const profile = profileOf({ model: "m", promptBytes: 512 * 80, blocks });
  const others = Array.from({ length: 3 }, (_, i) => profileOf({ model: "m", promptBytes: i }));
  const { server } = leaseOf(fleet, profile);
  for (const other of others) leaseOf(fleet, other);
  for (let i = 0; i < 4; i++) {
    const again = [...blocks, 5_000 + i];
    const next = profileOf({ model: "m", promptBytes: 512 * again.length, blocks: again });
    assert.equal(leaseOf(fleet, next).server, server, `request ${i}`);
  }
});
