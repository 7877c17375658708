import assert from "node:assert/strict";
import type { Tried } from "../../src/fleet/eligible.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Cause, EndDetails, Lease } from "../../src/fleet/lease.ts";
import type { Outcome } from "../../src/fleet/outcome.ts";
import type { ClientError } from "../../src/fleet/health/outlier_detection.ts";
import { type Server, stateOf } from "../../src/fleet/state/server.ts";
import type { StateChange } from "../../src/fleet/state/change.ts";
import { configOf } from "../support/config.ts";
import { profileOf } from "../support/work.ts";

const MODEL = "m";
const PASSED = { ok: true, responseMs: 5 };
const FAILED = { ok: false, responseMs: 5, failure: "/health answered 503" };
const A = "http://a";

/** A fleet of healthy servers with a fake clock, and everything it reported. */
function fleetOf(count: number, settings: Record<string, unknown> = {}, more = {}) {
  const changes: StateChange[] = [];
  const outcomes: string[] = [];
  const doubts: string[] = [];
  const clock = { now: 1_000_000 };
  const urls = ["a", "b", "c", "d"].slice(0, count);
  const fleet = new Fleet({
    config: configOf(urls.map((name) => ({ url: `http://${name}`, ...more })), settings),
    now: () => clock.now,
    random: () => 0.5,
    onStateChange: (change) => void changes.push(change),
    onOutcome: (server, outcome) => void outcomes.push(`${server.url} ${outcome}`),
    onDoubt: ({ config }) => void doubts.push(config.url),
  });
  const servers = fleet.servers as Server[];
  for (const server of servers) {
    fleet.recordModels(server, [{ id: MODEL }, { id: "adapter" }]);
    fleet.recordCheck(server, PASSED);
  }
  changes.length = 0;
  const [a, b] = servers;
  return { fleet, servers, a: a!, b: b!, clock, changes, outcomes, doubts };
}

/** A lease at that server. */
function leaseAt(fleet: Fleet, server: Server, model = MODEL): Lease {
  const others: Tried = new Map(
    fleet.servers.filter((other) => other !== server).map((other) => [other, Infinity]),
  );
  const lease = fleet.acquire(profileOf({ model }), others);
  if (typeof lease === "string") throw new Error(`Refused: ${lease}`);
  assert.equal(lease.server, server);
  return lease;
}

function answerWell(lease: Lease): void {
  lease.started();
  lease.end("ok");
}

/** A failure whose cause is settled later. */
function dispute(lease: Lease, outcome: Outcome, details: EndDetails = {}): Lease {
  lease.end(outcome, { ...details, disputed: true });
  return lease;
}

const GATEWAY_404: ClientError = { status: 404, isVllmError: false, isUnknownModel: false };
const NO_MODEL: ClientError = { status: 404, isVllmError: true, isUnknownModel: true };
const BAD_REQUEST: ClientError = { status: 400, isVllmError: true, isUnknownModel: false };

Deno.test("a disputed failure doesn't count until its cause is settled", () => {
  const { fleet, a, outcomes } = fleetOf(2);
  const leases = [1, 2, 3].map(() => dispute(leaseAt(fleet, a), "bad_status"));
  assert.equal(a.inFlight, 0, "its place is free at once");
  assert.equal(stateOf(a), "healthy");
  assert.deepEqual(outcomes, []);
  for (const lease of leases) lease.settle("server");
  assert.equal(stateOf(a), "unhealthy");
  assert.deepEqual(outcomes, Array(3).fill(`${A} bad_status`));
});

for (const cause of ["request", "unknown"] as const satisfies Cause[]) {
  Deno.test(`a failure whose cause was ${cause === "request" ? "its request" : "never found"} blames no server`, () => {
    const { fleet, a, outcomes } = fleetOf(2);
    for (let i = 0; i < 30; i++) dispute(leaseAt(fleet, a), "bad_status").settle(cause);
    assert.equal(stateOf(a), "healthy");
    assert.equal(a.health.consecutiveRequestFailures, 0);
    assert.equal(outcomes.length, 30, "it is counted as what it was");
  });
}

Deno.test("a dispute is settled once, and only if it was opened", () => {
  const { fleet, a, outcomes } = fleetOf(2);
  const lease = leaseAt(fleet, a);
  lease.settle("server");
  assert.deepEqual(outcomes, []);
  dispute(lease, "bad_status");
  lease.settle("request");
  lease.settle("server");
  lease.settle("server");
  assert.equal(a.health.consecutiveRequestFailures, 0);
  const other = leaseAt(fleet, a);
  other.end("ok");
  other.settle("server");
  assert.deepEqual(outcomes, [`${A} bad_status`, `${A} ok`]);
});

Deno.test("a trial with a disputed failure continues until the dispute is settled", () => {
  const { fleet, a, clock } = fleetOf(2);
  for (let i = 0; i < 2; i++) leaseAt(fleet, a).end("reset");
  clock.now = a.health.openUntil;
  fleet.recordCheck(a, PASSED);
  assert.equal(stateOf(a), "half-open");
  const trial = dispute(leaseAt(fleet, a), "bad_status");
  assert.equal(stateOf(a), "half-open");
  assert.throws(() => leaseAt(fleet, a), /unavailable/);
  trial.settle("request");
  assert.equal(stateOf(a), "half-open");
  dispute(leaseAt(fleet, a), "bad_status").settle("server");
  assert.equal(stateOf(a), "unhealthy");
});

Deno.test("a long trial allows another one after 5 s, unless the engine is stalled", () => {
  const { fleet, a, clock } = fleetOf(2);
  const page = {
    running: 1,
    waiting: 0,
    kvCacheUsage: undefined,
    counters: { prompt: 0, generation: 0, prefixQueries: 0, prefixHits: 0 },
    maxFds: undefined,
    ownInFlight: 1,
  };
  for (let i = 0; i < 2; i++) leaseAt(fleet, a).end("reset");
  clock.now = a.health.openUntil;
  fleet.recordCheck(a, PASSED);
  const first = leaseAt(fleet, a);
  clock.now += 4_999;
  assert.throws(() => leaseAt(fleet, a), /unavailable/);
  clock.now += 1;
  fleet.recordScrape(a, page, false);
  clock.now += 5_000;
  fleet.recordScrape(a, page, false);
  assert.throws(() => leaseAt(fleet, a), /unavailable/, "nothing moves");
  fleet.recordScrape(a, { ...page, counters: { ...page.counters, generation: 1 } }, false);
  const second = leaseAt(fleet, a);
  assert.throws(() => leaseAt(fleet, a), /unavailable/, "one at a time");
  first.end("client_closed");
  assert.throws(() => leaseAt(fleet, a), /unavailable/, "the second goes on");
  answerWell(second);
  assert.equal(stateOf(a), "healthy");
});

Deno.test("requests that break any server eject at most half of the fleet", () => {
  const { fleet, servers } = fleetOf(4);
  for (let i = 0; i < 20; i++) {
    for (const server of servers) {
      if (stateOf(server) !== "healthy") continue;
      answerWell(leaseAt(fleet, server));
      const leases = [1, 2, 3].map(() => leaseAt(fleet, server));
      for (const lease of leases) lease.end("bad_status");
    }
  }
  assert.equal(servers.filter((server) => stateOf(server) === "healthy").length, 2);
});

Deno.test("a client error that only one server returns makes it an outlier: it is ejected and checked", () => {
  const { fleet, a, b, changes, outcomes, doubts } = fleetOf(2);
  const details = { clientError: GATEWAY_404, what: "it answered 404, not in a form of vLLM's" };
  for (let i = 0; i < 2; i++) {
    const lease = leaseAt(fleet, a);
    assert.equal(lease.suspects(GATEWAY_404), true);
    dispute(lease, "client_error", details);
    answerWell(leaseAt(fleet, b));
    lease.settle("server");
  }
  assert.equal(stateOf(a), "unhealthy");
  assert.deepEqual(outcomes.filter((told) => told.startsWith(A)), Array(2).fill(`${A} outlier`));
  assert.deepEqual(doubts, [A, A]);
  assert.equal(
    changes[0]?.reason,
    "2 requests failed in a row: it answered 404, not in a form of vLLM's",
  );
});

Deno.test("a client error that another server returns too is the client's, and isn't compared again at once", () => {
  const { fleet, a, clock, outcomes, doubts } = fleetOf(2);
  const lease = dispute(leaseAt(fleet, a), "client_error", { clientError: GATEWAY_404 });
  lease.settle("request");
  assert.deepEqual(outcomes, [`${A} client_error`]);
  assert.deepEqual(doubts, []);
  assert.equal(stateOf(a), "healthy");
  const next = leaseAt(fleet, a);
  assert.equal(next.suspects(GATEWAY_404), false);
  clock.now += 2_000;
  assert.equal(next.suspects(GATEWAY_404), true);
});

Deno.test("a server that refuses the router's key is suspected even if others do too", () => {
  const { fleet, a } = fleetOf(2, {}, { api_key: "secret" });
  const error: ClientError = { status: 401, isVllmError: true, isUnknownModel: false };
  const lease = dispute(leaseAt(fleet, a), "client_error", { clientError: error });
  lease.settle("request");
  assert.equal(leaseAt(fleet, a).suspects(error), true);
});

Deno.test("client errors in vLLM's format are suspect if one server returns many and the others few", () => {
  const { fleet, a, b } = fleetOf(2);
  const lease = leaseAt(fleet, a);
  assert.equal(lease.suspects(BAD_REQUEST), false);
  for (let i = 0; i < 3; i++) {
    leaseAt(fleet, a).end("client_error", { clientError: BAD_REQUEST });
    assert.equal(lease.suspects(BAD_REQUEST), false);
  }
  for (let i = 0; i < 3; i++) answerWell(leaseAt(fleet, b));
  assert.equal(lease.suspects(BAD_REQUEST), true);
  for (let i = 0; i < 3; i++) leaseAt(fleet, b).end("client_error", { clientError: BAD_REQUEST });
  assert.equal(lease.suspects(BAD_REQUEST), true, "half as many");
  leaseAt(fleet, b).end("client_error", { clientError: BAD_REQUEST });
  assert.equal(lease.suspects(BAD_REQUEST), false, "more than half as many");
});

Deno.test("a server that returns client errors is compared only with servers of the same model", () => {
  const { fleet, a, b } = fleetOf(2);
  const lease = leaseAt(fleet, a);
  for (let i = 0; i < 5; i++) {
    leaseAt(fleet, a).end("client_error", { clientError: BAD_REQUEST });
    answerWell(leaseAt(fleet, b));
  }
  assert.equal(lease.suspects(BAD_REQUEST), true);
  fleet.recordModels(b, [{ id: "other" }]);
  assert.equal(lease.suspects(BAD_REQUEST), false);
});

Deno.test("a server that denies a model gets no requests for it for 10 s, but still gets others", () => {
  const { fleet, a, b, clock, doubts } = fleetOf(2);
  const deny = (model: string) =>
    dispute(leaseAt(fleet, a, model), "client_error", { clientError: NO_MODEL }).settle("server");
  deny("adapter");
  assert.equal(stateOf(a), "healthy");
  assert.deepEqual(doubts, [A]);
  assert.throws(() => leaseAt(fleet, a, "adapter"), /unavailable/);
  for (let i = 0; i < 5; i++) {
    const lease = fleet.acquire(profileOf({ model: "adapter" }), new Map());
    assert.equal((lease as Lease).server, b);
  }
  answerWell(leaseAt(fleet, a));
  clock.now += 9_999;
  assert.throws(() => leaseAt(fleet, a, "adapter"), /unavailable/);
  clock.now += 1;
  leaseAt(fleet, a, "adapter").end("ok");
});

for (
  const [outcome, times] of [
    ["backpressure", 5],
    ["aborted", 5],
  ] as const
) {
  Deno.test(`${outcome} ejects no server`, () => {
    const { fleet, a } = fleetOf(1);
    for (let i = 0; i < times; i++) leaseAt(fleet, a).end(outcome);
    assert.equal(stateOf(a), "healthy");
    assert.equal(a.health.consecutiveRequestFailures, 0);
  });
}

Deno.test("a server that reports its shutdown drains without blame until its port closes", () => {
  const { fleet, a, b, changes } = fleetOf(2);
  const inFlight = leaseAt(fleet, a);
  leaseAt(fleet, a).end("draining");
  assert.equal(stateOf(a), "draining");
  assert.equal(a.health.consecutiveRequestFailures, 0);
  for (let i = 0; i < 5; i++) {
    assert.equal((fleet.acquire(profileOf({ model: MODEL }), new Map()) as Lease).server, b);
  }
  fleet.recordCheck(a, PASSED);
  assert.equal(stateOf(a), "draining", "it still answers its checks");
  answerWell(inFlight);
  assert.equal(stateOf(a), "draining", "what came before is finished");
  fleet.recordCheck(a, { ok: false, responseMs: 1, refused: true });
  assert.equal(stateOf(a), "unhealthy");
  fleet.recordCheck(a, PASSED);
  assert.equal(stateOf(a), "healthy");
  assert.deepEqual(changes.map(({ from, to, reason }) => `${from} ${to}: ${reason}`), [
    "healthy draining: it is shutting down",
    "draining unhealthy: it has shut down",
    "unhealthy healthy: check passed",
  ]);
});

Deno.test("if no other server is left, one that reported its shutdown is tried, and restored if it answers", () => {
  const { fleet, a, changes } = fleetOf(1);
  leaseAt(fleet, a).end("draining");
  assert.equal(stateOf(a), "draining");
  answerWell(leaseAt(fleet, a));
  assert.equal(stateOf(a), "healthy");
  assert.deepEqual(changes.map(({ from, to, reason }) => `${from} ${to}: ${reason}`), [
    "healthy draining: it is shutting down",
    "draining healthy: it answers again",
  ]);
});

Deno.test("a request may retry a server that has recovered since, if no other is left", () => {
  const { fleet, a, b, clock } = fleetOf(2);
  const tried = new Map<Server, number>([[a, clock.now]]);
  clock.now += 10;
  for (let i = 0; i < 3; i++) fleet.recordCheck(a, FAILED);
  assert.equal((fleet.acquire(profileOf({ model: MODEL }), tried) as Lease).server, b);
  tried.set(b, clock.now);
  clock.now += 10;
  assert.equal(fleet.acquire(profileOf({ model: MODEL }), tried), "unavailable");
  fleet.recordCheck(a, PASSED);
  assert.equal((fleet.acquire(profileOf({ model: MODEL }), tried) as Lease).server, a);
  tried.set(a, clock.now);
  assert.equal(
    fleet.acquire(profileOf({ model: MODEL }), tried),
    "unavailable",
    "it is left again",
  );
});

for (
  const [what, happen] of [
    ["its checks fail", (fleet: Fleet, server: Server) => {
      for (let i = 0; i < 3; i++) fleet.recordCheck(server, FAILED);
    }],
    ["nobody is there", (fleet: Fleet, server: Server) => {
      for (let i = 0; i < 3; i++) {
        fleet.recordCheck(server, { ok: false, responseMs: 1, refused: true });
      }
    }],
    ["its requests fail", (fleet: Fleet, server: Server) => {
      for (let i = 0; i < 2; i++) leaseAt(fleet, server).end("reset");
    }],
  ] as const
) {
  Deno.test(`when a server becomes ${what}, requests without a first token are evicted at once`, () => {
    const { fleet, a } = fleetOf(2);
    const left: string[] = [];
    leaseAt(fleet, a).evictions.add(() => void left.push("one"));
    leaseAt(fleet, a).evictions.add(() => void left.push("two"));
    happen(fleet, a);
    assert.equal(stateOf(a), "unhealthy");
    assert.deepEqual(left, ["one", "two"]);
  });
}

for (
  const [what, moves, checksFail, leaves] of [
    ["is at work", true, false, false],
    ["stands still", false, false, true],
    ["can't be asked, whatever it did", true, true, true],
  ] as const
) {
  Deno.test(`requests ${leaves ? "leave" : "stay at"} a server that requests took out whose engine ${what}`, () => {
    const { fleet, a, clock } = fleetOf(3);
    let left = 0;
    leaseAt(fleet, a).evictions.add(() => left++);
    for (let generation = 0; generation < 3; generation++) {
      clock.now += 500;
      fleet.recordScrape(a, {
        running: 1,
        waiting: 0,
        kvCacheUsage: undefined,
        counters: {
          prompt: 0,
          generation: moves ? generation : 0,
          prefixQueries: 0,
          prefixHits: 0,
        },
        maxFds: undefined,
        ownInFlight: 1,
      }, false);
    }
    if (checksFail) fleet.recordCheck(a, FAILED);
    for (let i = 0; i < 2; i++) leaseAt(fleet, a).end("reset");
    assert.equal(stateOf(a), "unhealthy");
    assert.equal(left, leaves ? 1 : 0);
  });
}

Deno.test("a callback may remove itself while requests are being evicted", () => {
  const { fleet, a } = fleetOf(2);
  const { evictions } = leaseAt(fleet, a);
  const left: number[] = [];
  const leaves = [1, 2, 3].map((nth) => {
    const leave = () => {
      left.push(nth);
      evictions.delete(leave);
    };
    return leave;
  });
  for (const leave of leaves) evictions.add(leave);
  for (let i = 0; i < 3; i++) fleet.recordCheck(a, FAILED);
  assert.deepEqual(left, [1, 2, 3]);
});

const WORKING = {
  running: 1,
  waiting: 0,
  kvCacheUsage: 0.5,
  counters: { prompt: 0, generation: 7, prefixQueries: 0, prefixHits: 0 },
  maxFds: undefined,
  ownInFlight: 1,
};

Deno.test("a lease reports when the engine last moved, and since when it is stalled", () => {
  const { fleet, a, clock } = fleetOf(2, { stall_timeout: 10 });
  const lease = leaseAt(fleet, a);
  assert.deepEqual(lease.engine(), { movedAt: -Infinity, noProgressSince: Infinity });
  fleet.recordScrape(a, WORKING, false);
  clock.now += 500;
  const moved = { ...WORKING, counters: { ...WORKING.counters, generation: 8 } };
  fleet.recordScrape(a, moved, false);
  assert.deepEqual(lease.engine(), { movedAt: clock.now, noProgressSince: Infinity });
  const movedAt = clock.now;
  clock.now += 10_000;
  fleet.recordScrape(a, moved, false);
  assert.equal(stateOf(a), "stalled");
  assert.deepEqual(lease.engine(), { movedAt, noProgressSince: movedAt });
});

Deno.test("the engine of an unhealthy, unreadable server counts as stalled since its last page", () => {
  const { fleet, a, clock } = fleetOf(2);
  const lease = leaseAt(fleet, a);
  fleet.recordScrape(a, WORKING, false);
  const scrapedAt = clock.now;
  for (let i = 0; i < 3; i++) fleet.recordCheck(a, FAILED);
  assert.equal(lease.engine().noProgressSince, Infinity, "its page was read just now");
  clock.now += 5_001;
  assert.equal(lease.engine().noProgressSince, scrapedAt);
});

Deno.test("a stalled engine without work is tried by one request, and may move again", () => {
  const { fleet, a, b, clock, changes } = fleetOf(2, { stall_timeout: 10 });
  fleet.recordScrape(a, WORKING, false);
  clock.now += 10_000;
  fleet.recordScrape(a, WORKING, false);
  assert.equal(stateOf(a), "stalled");
  fleet.recordScrape(a, { ...WORKING, running: 0, ownInFlight: 0 }, false);
  assert.equal(stateOf(a), "unhealthy");
  clock.now = a.health.openUntil;
  fleet.recordCheck(a, PASSED);
  assert.equal(stateOf(a), "half-open");
  const trial = leaseAt(fleet, a);
  assert.equal((fleet.acquire(profileOf({ model: MODEL }), new Map()) as Lease).server, b);
  answerWell(trial);
  assert.equal(stateOf(a), "healthy");
  assert.deepEqual(changes.map(({ from, to, reason }) => `${from} ${to}: ${reason}`), [
    "healthy stalled: its engine is stalled: no progress for 10 s",
    "stalled unhealthy: its engine was stalled",
    "unhealthy half-open: check passed; one request at a time until one succeeds",
    "half-open healthy: a request succeeded",
  ]);
});

Deno.test("an idle engine that hangs is detected by a waiting request", () => {
  const { fleet, a, clock } = fleetOf(1, { stall_timeout: 10 });
  const idle = { ...WORKING, running: 0, ownInFlight: 0 };
  fleet.recordScrape(a, idle, false);
  clock.now += 60_000;
  fleet.recordScrape(a, idle, false);
  assert.equal(stateOf(a), "healthy");
  let left = 0;
  leaseAt(fleet, a).evictions.add(() => left++);
  fleet.recordScrape(a, idle, false);
  clock.now += 10_000;
  fleet.recordScrape(a, idle, false);
  assert.equal(stateOf(a), "stalled");
  assert.equal(left, 1);
});

Deno.test("slow checks on every server eject none, and successful requests keep a server in rotation", () => {
  const SLOW = { ok: false, responseMs: 5_000, isSlow: true, failure: "/health took over 5 s" };
  const { fleet, servers, a, clock } = fleetOf(3);
  for (let i = 0; i < 10; i++) {
    clock.now += 10_000;
    for (const server of servers) fleet.recordCheck(server, SLOW);
  }
  assert.ok(servers.every((server) => stateOf(server) === "healthy"));

  for (const server of servers.slice(1)) fleet.recordCheck(server, PASSED);
  for (let i = 0; i < 10; i++) {
    clock.now += 10_000;
    answerWell(leaseAt(fleet, a));
    fleet.recordCheck(a, SLOW);
    assert.equal(stateOf(a), "healthy");
  }
  fleet.recordCheck(a, SLOW);
  assert.equal(stateOf(a), "unhealthy", "nothing has spoken for it since");
});

Deno.test("a server without models gets no requests and reports why", () => {
  const { fleet, a, b, changes } = fleetOf(2);
  fleet.recordModels(a, []);
  assert.equal(stateOf(a), "no_models");
  for (const model of [undefined, MODEL]) {
    for (let i = 0; i < 3; i++) {
      assert.equal((fleet.acquire(profileOf({ model }), new Map()) as Lease).server, b);
    }
  }
  fleet.recordNoModels(a, {
    why: "/v1/models answered 401; it needs an api_key",
    isUnauthorized: true,
  });
  assert.equal(stateOf(a), "unauthorized");
  const [shown] = fleet.snapshot().servers;
  assert.deepEqual([shown!.state, shown!.reason], [
    "unauthorized",
    "/v1/models answered 401; it needs an api_key",
  ]);
  fleet.recordModels(a, [{ id: MODEL }]);
  assert.deepEqual(changes.map(({ from, to, reason }) => `${from} ${to}: ${reason}`), [
    "healthy no_models: /v1/models lists none",
    "no_models unauthorized: /v1/models answered 401; it needs an api_key",
    "unauthorized healthy: check passed",
  ]);
});

/** Of a stream that ended after `response.created`, as those of full servers do. */
const CUT: EndDetails = { afterPreamble: true, disputed: true };
const QUEUE = { ...WORKING, waiting: 3 };

Deno.test("an answer cut off before its first token doesn't count until the next scrape", () => {
  for (
    const [page, state] of [
      [QUEUE, "healthy"],
      [WORKING, "unhealthy"],
      [undefined, "unhealthy"],
    ] as const
  ) {
    const { fleet, a, outcomes } = fleetOf(2);
    for (let i = 0; i < 5; i++) dispute(leaseAt(fleet, a), "truncated", CUT).settle("server");
    assert.equal(stateOf(a), "healthy");
    assert.deepEqual(outcomes, Array(5).fill(`${A} truncated`));
    fleet.recordScrape(a, page, false);
    assert.equal(stateOf(a), state);
    assert.equal(a.backpressureUntil > 0, page === QUEUE, "a full server rests");
    assert.deepEqual(a.cuts, []);
  }
});

Deno.test("an answer cut off by a full server counts as back-pressure at once", () => {
  for (const isPage of [true, false]) {
    const { fleet, a, outcomes, clock } = fleetOf(2);
    if (isPage) fleet.recordScrape(a, QUEUE, false);
    else leaseAt(fleet, a).end("backpressure", { retryAfterMs: 5_000 });
    outcomes.length = 0;
    for (let i = 0; i < 5; i++) dispute(leaseAt(fleet, a), "truncated", CUT).settle("server");
    assert.deepEqual(outcomes, Array(5).fill(`${A} backpressure`));
    assert.ok(a.backpressureUntil > clock.now);
    fleet.recordScrape(a, WORKING, false);
    assert.equal(stateOf(a), "healthy");
  }
});

Deno.test("an answer cut off after its first token doesn't count as back-pressure", () => {
  const { fleet, a } = fleetOf(2);
  fleet.recordScrape(a, QUEUE, false);
  for (let i = 0; i < 2; i++) leaseAt(fleet, a).end("truncated");
  assert.equal(stateOf(a), "unhealthy");
});

Deno.test("if a scrape fails, cut-off answers count against their server", () => {
  const { fleet, a } = fleetOf(2);
  for (let i = 0; i < 2; i++) dispute(leaseAt(fleet, a), "truncated", CUT).settle("server");
  fleet.recordNoScrape(a);
  assert.equal(stateOf(a), "unhealthy");
});

Deno.test("the number of pending cut-off answers is bounded", () => {
  const { fleet, a } = fleetOf(2);
  for (let i = 0; i < 1_000; i++) leaseAt(fleet, a).end("truncated", { afterPreamble: true });
  assert.ok(a.cuts.length <= 100, `${a.cuts.length}`);
});
