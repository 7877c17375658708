import assert from "node:assert/strict";
import fc from "fast-check";
import type { Refusal, Tried } from "../../src/fleet/eligible.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Lease } from "../../src/fleet/lease.ts";
import type { Outcome } from "../../src/fleet/outcome.ts";
import { type Server, stateOf } from "../../src/fleet/state/server.ts";
import type { StateChange } from "../../src/fleet/state/change.ts";
import { configOf } from "../support/config.ts";
import { profileOf } from "../support/work.ts";
import { numRuns } from "../support/property.ts";
import { seeded } from "../support/random.ts";

const MODEL = "m";
const PASSED = { ok: true, responseMs: 5 };
const FAILED = { ok: false, responseMs: 5 };

interface Described {
  readonly name?: string;
  readonly url: string;
  readonly max_concurrent_requests?: number;
  readonly models?: readonly string[];
}

/** A fleet with a fake clock, and the state changes it reported. */
function fleetOf(
  servers: readonly Described[],
  settings: Record<string, unknown> = {},
) {
  const changes: StateChange[] = [];
  const clock = { now: 1_000_000 };
  const fleet = new Fleet({
    config: configOf(servers.map((server) => ({ ...server })), settings),
    now: () => clock.now,
    random: seeded(1),
    onStateChange: (change) => void changes.push(change),
  });
  return { fleet, changes, clock };
}

/** The same, with every server checked and listing the model. */
function healthyFleet(
  servers: readonly Described[],
  settings: Record<string, unknown> = {},
) {
  const all = fleetOf(servers, settings);
  for (const server of serversOf(all.fleet)) {
    if (!server.config.models) all.fleet.recordModels(server, [{ id: MODEL }]);
    all.fleet.recordCheck(server, PASSED);
  }
  all.changes.length = 0;
  return all;
}

/** Tests stand in for the polling loops, which use mutable servers. */
function serversOf(fleet: Fleet): Server[] {
  return fleet.servers as Server[];
}

function serverAt(fleet: Fleet, url: string): Server {
  const server = serversOf(fleet).find((server) => server.config.url === url);
  assert.ok(server, `${url} is in the fleet`);
  return server;
}

function urls(fleet: Fleet): string[] {
  return fleet.servers.map((server) => server.config.url);
}

function lease(
  fleet: Fleet,
  model: string | undefined = MODEL,
  tried: Tried = new Map(),
): Lease {
  const lease = fleet.acquire(profileOf({ model }), tried);
  if (typeof lease === "string") throw new Error(`Refused: ${lease}`);
  return lease;
}

function refusal(
  fleet: Fleet,
  model: string | undefined,
  tried: Tried = new Map(),
): Refusal | "a server" {
  const lease = fleet.acquire(profileOf({ model }), tried);
  return typeof lease === "string" ? lease : "a server";
}

/** Tried servers for a request that ignores any recovery. */
function without(...servers: Server[]): Tried {
  return new Map(servers.map((server) => [server, Infinity]));
}

const A = "http://a";
const B = "http://b";
const C = "http://c";

Deno.test("a request counts as soon as its server is chosen, so that a burst spreads", () => {
  const { fleet } = healthyFleet([
    { url: A, max_concurrent_requests: 3 },
    { url: B, max_concurrent_requests: 5 },
    { url: C, max_concurrent_requests: 4 },
  ]);
  for (let i = 0; i < 12; i++) lease(fleet);
  assert.deepEqual(fleet.servers.map(({ inFlight }) => inFlight), [3, 5, 4]);
  for (let i = 0; i < 24; i++) lease(fleet);
  assert.deepEqual(fleet.servers.map(({ inFlight }) => inFlight), [9, 15, 12]);
});

Deno.test("a lease releases its slot once, however often it ends", () => {
  const { fleet } = healthyFleet([{ url: A }]);
  const [first] = [lease(fleet), lease(fleet)];
  first.end("ok");
  first.end("ok");
  first.end("reset");
  first.end("reset");
  assert.equal(fleet.servers[0]?.inFlight, 1);
  assert.equal(fleet.servers[0]?.health.consecutiveRequestFailures, 0);
});

Deno.test("asking whether a server is available takes no slot", () => {
  const { fleet, clock } = healthyFleet([{ url: A }, { url: B }]);
  const tried = new Map<Server, number>();
  assert.equal(fleet.canServe(MODEL, tried), true);
  tried.set(serverAt(fleet, A), clock.now);
  assert.equal(fleet.canServe(MODEL, tried), true);
  tried.set(serverAt(fleet, B), clock.now);
  assert.equal(fleet.canServe(MODEL, tried), false);
  assert.equal(fleet.canServe("other", new Map()), false);
  assert.equal(fleet.canServe(undefined, new Map()), true);
  assert.deepEqual(fleet.servers.map(({ inFlight }) => inFlight), [0, 0]);
});

Deno.test("a tried server is not retried, even if it is the best", () => {
  const { fleet, clock } = healthyFleet([
    { url: A, max_concurrent_requests: 100 },
    { url: B, max_concurrent_requests: 1 },
  ]);
  const tried = new Map([[serverAt(fleet, A), clock.now]]);
  for (let i = 0; i < 3; i++) {
    assert.equal(lease(fleet, MODEL, tried).server.config.url, B);
  }
  tried.set(serverAt(fleet, B), clock.now);
  assert.equal(refusal(fleet, MODEL, tried), "unavailable");
});

Deno.test("only servers that list the model are chosen; without a model, any server is", () => {
  const { fleet } = healthyFleet([
    { url: A, models: ["one", "both"] },
    { url: B, models: ["two", "both"] },
  ]);
  assert.equal(lease(fleet, "one").server.config.url, A);
  assert.equal(lease(fleet, "two").server.config.url, B);
  const chosen = [lease(fleet, "both"), lease(fleet, "both")];
  assert.deepEqual(chosen.map(({ server }) => server.config.url).sort(), [
    A,
    B,
  ]);
  assert.equal(refusal(fleet, undefined), "a server");
});

Deno.test("a model that no server lists is unknown", () => {
  const { fleet } = healthyFleet([{ url: A }, { url: B }]);
  assert.equal(refusal(fleet, "other"), "unknown_model");
});

Deno.test("a model whose servers are all unhealthy is unavailable", () => {
  for (
    const putOut of [
      (fleet: Fleet, server: Server) => {
        for (let i = 0; i < 3; i++) fleet.recordCheck(server, FAILED);
      },
      (fleet: Fleet, server: Server) => fleet.recordScrape(server, undefined, true),
    ]
  ) {
    const { fleet } = healthyFleet([
      { url: A, models: ["one"] },
      { url: B, models: ["two"] },
    ]);
    putOut(fleet, serverAt(fleet, A));
    assert.notEqual(stateOf(serverAt(fleet, A)), "healthy");
    assert.equal(refusal(fleet, "one"), "unavailable");
    assert.equal(refusal(fleet, "two"), "a server");
    assert.equal(refusal(fleet, "three"), "unknown_model");
  }
});

Deno.test("while a server is being checked it may have any model: unavailable", () => {
  const { fleet } = fleetOf([{ url: A, models: ["one"] }, { url: B }]);
  fleet.recordCheck(serverAt(fleet, A), PASSED);
  assert.equal(refusal(fleet, "one"), "a server");
  assert.equal(refusal(fleet, "two"), "unavailable");
});

Deno.test("a healthy server that has not listed yet may have any model: unavailable", () => {
  const { fleet } = fleetOf([{ url: A }]);
  fleet.recordCheck(serverAt(fleet, A), PASSED);
  assert.equal(refusal(fleet, "one"), "unavailable");
  fleet.recordModels(serverAt(fleet, A), [{ id: "two" }]);
  assert.equal(refusal(fleet, "one"), "unknown_model");
});

Deno.test("a server that was never reachable may have any model: unavailable", () => {
  const { fleet } = healthyFleet([{ url: A }]);
  fleet.reconcile(configOf([{ url: A, models: ["one"] }, { url: B }]));
  for (let i = 0; i < 3; i++) fleet.recordCheck(serverAt(fleet, B), FAILED);
  assert.equal(stateOf(serverAt(fleet, B)), "unhealthy");
  assert.equal(refusal(fleet, "two"), "unavailable");
});

Deno.test("with every server unhealthy nothing is available, with or without a model", () => {
  const { fleet } = fleetOf([{ url: A }, { url: B }]);
  for (const server of serversOf(fleet)) fleet.recordCheck(server, FAILED);
  assert.equal(refusal(fleet, MODEL), "unavailable");
  assert.equal(refusal(fleet, undefined), "unavailable");
});

Deno.test("only outcomes that are the server's fault count against it", () => {
  const blamed: Outcome[] = [
    "outlier",
    "refused",
    "reset",
    "timeout",
    "bad_status",
    "truncated",
  ];
  const unblamed: Outcome[] = [
    "ok",
    "client_error",
    "client_closed",
    "backpressure",
    "draining",
    "aborted",
  ];
  for (const outcome of [...blamed, ...unblamed]) {
    const { fleet } = healthyFleet([{ url: A }]);
    const [first, second] = [lease(fleet), lease(fleet)];
    first.end(outcome);
    const inState = outcome === "draining" ? "draining" : "healthy";
    assert.equal(stateOf(serverAt(fleet, A)), inState, outcome);
    second.end(outcome);
    assert.equal(
      stateOf(serverAt(fleet, A)),
      blamed.includes(outcome) ? "unhealthy" : inState,
      outcome,
    );
  }
});

Deno.test("a neutral outcome doesn't reset consecutive failures", () => {
  for (
    const neutral of ["client_error", "client_closed", "backpressure", "aborted"] as const
  ) {
    const { fleet } = healthyFleet([{ url: A }]);
    for (const outcome of ["reset", neutral, "reset"] as const) {
      lease(fleet).end(outcome);
    }
    assert.equal(stateOf(serverAt(fleet, A)), "unhealthy", neutral);
  }
  const { fleet } = healthyFleet([{ url: A }]);
  lease(fleet).end("reset");
  answerWell(lease(fleet));
  lease(fleet).end("reset");
  assert.equal(stateOf(serverAt(fleet, A)), "healthy");
});

/** Ends a lease as the proxy does after a good answer. */
function answerWell(lease: Lease): void {
  lease.started();
  lease.end("ok");
}

/** Ejects the server: the configured threshold is two failed requests. */
function breakCircuit(fleet: Fleet, url: string): void {
  const others = without(...serversOf(fleet).filter(({ config }) => config.url !== url));
  const leases = [lease(fleet, MODEL, others), lease(fleet, MODEL, others)];
  for (const lease of leases) lease.end("reset");
  assert.equal(stateOf(serverAt(fleet, url)), "unhealthy");
}

/** A fleet of A and B whose A is half-open. */
function halfOpenFleet() {
  const all = healthyFleet([{ url: A }, { url: B }]);
  breakCircuit(all.fleet, A);
  const server = serverAt(all.fleet, A);
  all.clock.now = server.health.openUntil;
  all.fleet.recordCheck(server, PASSED);
  assert.equal(stateOf(server), "half-open");
  all.changes.length = 0;
  return { ...all, server };
}

/** A lease at A. */
function leaseOfA(fleet: Fleet): Lease | Refusal {
  return fleet.acquire(profileOf({ model: MODEL }), without(serverAt(fleet, B)));
}

Deno.test("a server ejected by requests recovers after its open time, a check and a request", () => {
  const { fleet, clock, changes } = healthyFleet([{ url: A }, { url: B }]);
  breakCircuit(fleet, A);
  const server = serverAt(fleet, A);
  const goElsewhere = (why: string) => {
    const leases = Array.from({ length: 4 }, () => lease(fleet));
    assert.ok(leases.every(({ server }) => server.config.url === B), why);
    for (const lease of leases) lease.end("ok");
  };
  clock.now = server.health.openUntil - 1;
  fleet.recordCheck(server, PASSED);
  goElsewhere("its time has not come");
  clock.now += 1;
  goElsewhere("time alone opens nothing");
  fleet.recordCheck(server, PASSED);
  (leaseOfA(fleet) as Lease).end("ok");
  assert.equal(stateOf(server), "healthy");
  assert.deepEqual(changes.map(({ from, to, reason }) => `${from} ${to}: ${reason}`), [
    "healthy unhealthy: 2 requests failed in a row",
    "unhealthy half-open: check passed; one request at a time until one succeeds",
    "half-open healthy: a request succeeded",
  ]);
});

Deno.test("if no other server is left, one ejected by requests is tried after a second", () => {
  const { fleet, clock } = healthyFleet([{ url: A }]);
  breakCircuit(fleet, A);
  clock.now += 999;
  assert.equal(refusal(fleet, MODEL), "unavailable");
  clock.now += 1;
  lease(fleet).end("ok");
  assert.equal(stateOf(serverAt(fleet, A)), "healthy");
});

Deno.test("a server is out since it left the healthy state, whatever its trials", () => {
  const { fleet, clock } = healthyFleet([{ url: A }, { url: B }]);
  const since = () => fleet.snapshot().servers[0]!.stateSince;
  clock.now += 5_000;
  breakCircuit(fleet, A);
  const outSince = since();
  const server = serverAt(fleet, A);
  clock.now = server.health.openUntil;
  fleet.recordCheck(server, PASSED);
  assert.equal(stateOf(server), "half-open");
  assert.equal(since(), outSince);
  (leaseOfA(fleet) as Lease).end("reset");
  assert.equal(stateOf(server), "unhealthy");
  assert.equal(since(), outSince);
  clock.now = server.health.openUntil;
  fleet.recordCheck(server, PASSED);
  (leaseOfA(fleet) as Lease).end("ok");
  assert.ok(since() > outSince);
});

Deno.test("a half-open server gets one request at a time; the others go elsewhere", () => {
  const { fleet } = halfOpenFleet();
  const leases = Array.from({ length: 6 }, () => lease(fleet));
  const chosen = leases.map(({ server }) => server.config.url);
  assert.equal(chosen.filter((url) => url === A).length, 1);
  assert.equal(leaseOfA(fleet), "unavailable");
});

Deno.test("a failed trial ejects the server again, for longer", () => {
  const { fleet, clock, server, changes } = halfOpenFleet();
  const before = server.health;
  const trial = leaseOfA(fleet) as Lease;
  trial.end("timeout");
  assert.equal(stateOf(server), "unhealthy");
  assert.equal(server.health.opened, before.opened + 1);
  const outMs = server.health.openUntil - clock.now;
  assert.ok(outMs >= 0.8 * 4_000 && outMs < 1.2 * 4_000, `${outMs} ms`);
  assert.equal(server.lastFailureAt, clock.now);
  assert.deepEqual(changes.map(({ reason }) => reason), ["the request that tried it failed"]);
});

for (const outcome of ["client_closed", "client_error", "backpressure", "aborted"] as const) {
  Deno.test(`a trial that ends with ${outcome} is inconclusive and allows the next one`, () => {
    const { fleet, server } = halfOpenFleet();
    (leaseOfA(fleet) as Lease).end(outcome);
    assert.equal(stateOf(server), "half-open");
    assert.equal(typeof leaseOfA(fleet), "object");
    assert.equal(leaseOfA(fleet), "unavailable");
  });
}

Deno.test("a trial that the router aborted for its own reasons is inconclusive", () => {
  const { fleet, server } = halfOpenFleet();
  (leaseOfA(fleet) as Lease).end("timeout", { blameless: true });
  assert.equal(stateOf(server), "half-open");
  assert.equal(typeof leaseOfA(fleet), "object");
});

Deno.test("a stream's good beginning ends its trial long before the stream ends", () => {
  const { fleet, server, changes } = halfOpenFleet();
  const trial = leaseOfA(fleet) as Lease;
  trial.started();
  trial.started();
  assert.equal(stateOf(server), "healthy");
  assert.equal(changes.length, 1);
  trial.end("truncated");
  assert.equal(stateOf(server), "healthy", "what breaks later is one failure, and no failed trial");
  assert.equal(server.health.consecutiveRequestFailures, 1);
  assert.equal(server.inFlight, 0);
});

Deno.test("a stream's beginning changes nothing for a server that needs no trial", () => {
  const { fleet } = healthyFleet([{ url: A }]);
  const server = serverAt(fleet, A);
  lease(fleet).end("reset");
  const second = lease(fleet);
  second.started();
  assert.equal(server.health.consecutiveRequestFailures, 1);
  second.end("ok");
  assert.equal(server.health.consecutiveRequestFailures, 0);
});

Deno.test("requests sent before a server was half-open don't decide its trial", () => {
  const { fleet, clock } = healthyFleet([{ url: A }, { url: B }]);
  const old = [leaseOfA(fleet) as Lease, leaseOfA(fleet) as Lease];
  breakCircuit(fleet, A);
  const server = serverAt(fleet, A);
  clock.now = server.health.openUntil;
  fleet.recordCheck(server, PASSED);
  old[0]!.started();
  old[0]!.end("ok");
  assert.equal(stateOf(server), "half-open");
  old[1]!.end("reset");
  assert.equal(stateOf(server), "half-open");
});

Deno.test("a server ejected by a check during its trial gets no concurrent second trial", () => {
  const { fleet, clock, server } = halfOpenFleet();
  const trial = leaseOfA(fleet) as Lease;
  fleet.recordCheck(server, FAILED);
  assert.equal(stateOf(server), "unhealthy");
  clock.now += 10;
  fleet.recordCheck(server, PASSED);
  assert.equal(stateOf(server), "half-open");
  assert.equal(leaseOfA(fleet), "unavailable");
  trial.end("ok");
  assert.equal(stateOf(server), "healthy");
});

Deno.test("a recovered server gets few requests at first, and more each second", () => {
  const { fleet, clock, server } = halfOpenFleet();
  fleet.reconcile(configOf([
    { url: A, max_concurrent_requests: 8 },
    { url: B, max_concurrent_requests: 8 },
  ]));
  (leaseOfA(fleet) as Lease).end("ok");
  const fill = () => {
    for (let i = 0; i < 40; i++) lease(fleet);
    return server.inFlight;
  };
  assert.equal(fill(), 1);
  clock.now += 5_000;
  assert.equal(fill(), 4);
  clock.now += 5_000;
  assert.ok(fill() > 8, "full speed");
});

Deno.test("a recovered server takes all requests if no other server can", () => {
  const { fleet, server } = halfOpenFleet();
  (leaseOfA(fleet) as Lease).end("ok");
  for (let i = 0; i < 5; i++) assert.equal(typeof leaseOfA(fleet), "object");
  assert.equal(server.inFlight, 5);
});

Deno.test("a server in back-pressure gets only requests that no other server can take", () => {
  const { fleet, clock } = healthyFleet([{ url: A }, { url: B }]);
  const server = serverAt(fleet, A);
  (leaseOfA(fleet) as Lease).end("backpressure", { retryAfterMs: 7_000 });
  assert.equal(stateOf(server), "healthy");
  assert.equal(server.backpressureUntil, clock.now + 7_000);
  for (let i = 0; i < 5; i++) assert.equal(lease(fleet).server.config.url, B);
  assert.equal(typeof leaseOfA(fleet), "object");
  clock.now += 7_000;
  assert.equal(lease(fleet).server, server);
});

Deno.test("pauses without a Retry-After grow until the next good answer", () => {
  const { fleet, clock } = healthyFleet([{ url: A }]);
  const server = serverAt(fleet, A);
  const rest = () => {
    lease(fleet).end("backpressure");
    const ms = server.backpressureUntil - clock.now;
    clock.now = server.backpressureUntil;
    return ms;
  };
  const first = rest();
  assert.ok(first >= 800 && first < 1_200, `${first} ms`);
  const second = rest();
  assert.ok(second >= 1_600 && second < 2_400, `${second} ms`);
  lease(fleet).end("client_error");
  assert.equal(server.backpressureCount, 2);
  lease(fleet).end("ok");
  const again = rest();
  assert.ok(again >= 800 && again < 1_200, `${again} ms`);
});

const WORKING = {
  running: 2,
  waiting: 0,
  kvCacheUsage: 0.5,
  counters: { prompt: 100, generation: 50, prefixQueries: 0, prefixHits: 0 },
  maxFds: undefined,
  ownInFlight: 0,
};

Deno.test("a server without engine progress for stall_timeout is stalled, until its engine moves", () => {
  const { fleet, clock, changes } = healthyFleet([{ url: A }, { url: B }], { stall_timeout: 10 });
  const server = serverAt(fleet, A);
  fleet.recordScrape(server, WORKING, false);
  let evicted = 0;
  const { evictions } = leaseOfA(fleet) as Lease;
  evictions.add(() => evicted++);
  clock.now += 9_999;
  fleet.recordScrape(server, WORKING, false);
  assert.equal(stateOf(server), "healthy");
  assert.equal(evicted, 0);
  clock.now += 1;
  fleet.recordScrape(server, WORKING, false);
  assert.equal(stateOf(server), "stalled");
  assert.equal(evicted, 1, "a request that waits for a first token is told");
  assert.equal(leaseOfA(fleet), "unavailable");
  fleet.recordCheck(server, PASSED);
  assert.equal(stateOf(server), "stalled", "a good check is no token");

  fleet.recordScrape(server, { ...WORKING, counters: { ...WORKING.counters, prompt: 101 } }, false);
  assert.equal(stateOf(server), "healthy");
  assert.equal(typeof leaseOfA(fleet), "object");
  assert.equal(evicted, 1);
  assert.deepEqual(changes.map(({ from, to, reason }) => `${from} ${to}: ${reason}`), [
    "healthy stalled: its engine is stalled: no progress for 10 s",
    "stalled healthy: its engine makes progress again",
  ]);
});

Deno.test("a model on a stalled server is unavailable, not unknown", () => {
  const { fleet, clock } = healthyFleet([{ url: A, models: ["one"] }, { url: B }]);
  const server = serverAt(fleet, A);
  fleet.recordScrape(server, WORKING, false);
  clock.now += 30_000;
  fleet.recordScrape(server, WORKING, false);
  assert.equal(refusal(fleet, "one"), "unavailable");
});

Deno.test("a stalled server whose /metrics stays unreadable is assumed to work", () => {
  const { fleet, clock, changes } = healthyFleet([{ url: A }]);
  const server = serverAt(fleet, A);
  fleet.recordScrape(server, WORKING, false);
  clock.now += 30_000;
  fleet.recordScrape(server, WORKING, false);
  fleet.recordNoScrape(server);
  assert.equal(stateOf(server), "stalled");
  clock.now += 5_001;
  fleet.recordNoScrape(server);
  assert.equal(stateOf(server), "healthy");
  assert.equal(changes.at(-1)!.reason, "its metrics can't be read");
});

for (
  const [state, reason, happen] of [
    ["sleeping", "its engine sleeps", (fleet: Fleet, server: Server) => {
      fleet.recordScrape(server, undefined, true);
      fleet.recordCheck(server, PASSED);
    }],
    ["stalled", "its engine is stalled: no progress for 30 s", (fleet: Fleet, server: Server) => {
      fleet.recordScrape(server, WORKING, false);
      server.progress = {
        ...server.progress,
        noProgressSince: server.progress.noProgressSince - 30_000,
      };
      fleet.recordScrape(server, WORKING, false);
      fleet.recordCheck(server, PASSED);
    }],
    ["draining", "removed from the configuration", (fleet: Fleet) => {
      lease(fleet, MODEL, without(serverAt(fleet, B)));
      fleet.reconcile(configOf([{ url: B }]));
    }],
    ["healthy", "check passed", (fleet: Fleet, server: Server) => {
      fleet.recordScrape(server, undefined, true);
      fleet.recordScrape(server, undefined, false);
    }],
  ] as const
) {
  Deno.test(`a server reports why it is ${state} for as long as it is`, () => {
    const { fleet } = healthyFleet([{ url: A }, { url: B }]);
    happen(fleet, serverAt(fleet, A));
    const shown = fleet.snapshot().servers.find(({ url }) => url === A);
    assert.deepEqual([shown?.state, shown?.reason], [state, reason]);
  });
}

for (
  const [state, reason, isAsleep] of [
    ["sleeping", "its engine sleeps", true],
    ["stalled", "its engine is stalled", false],
  ] as const
) {
  Deno.test(`a server that is still ${state} when its checks recover it reports so`, () => {
    const { fleet, clock } = healthyFleet([{ url: A }]);
    const server = serverAt(fleet, A);
    fleet.recordScrape(server, WORKING, isAsleep);
    clock.now += 60_000;
    fleet.recordScrape(server, WORKING, isAsleep);
    for (let i = 0; i < 3; i++) fleet.recordCheck(server, FAILED);
    const shown = () => {
      const [shown] = fleet.snapshot().servers;
      return [shown?.state, shown?.reason];
    };
    assert.deepEqual(shown(), ["unhealthy", "3 checks failed in a row"]);
    fleet.recordCheck(server, PASSED);
    assert.deepEqual(shown(), [state, reason]);
  });
}

Deno.test("other clients' requests in the last scrape affect the decision", () => {
  const { fleet } = healthyFleet([{ url: A }, { url: B }], { policy: "least_load" });
  fleet.recordScrape(serverAt(fleet, A), {
    running: 2,
    waiting: 0,
    kvCacheUsage: undefined,
    maxFds: undefined,
    ownInFlight: 0,
  }, false);
  assert.equal(lease(fleet).server.config.url, B);
  assert.equal(lease(fleet).server.config.url, B);
});

for (
  const [metricsInterval, trustedMs] of [[0.5, 5_000], [10, 40_000]] as const
) {
  Deno.test(`with a scrape every ${metricsInterval} s, one older than ${trustedMs} ms is stale`, () => {
    const { fleet, clock } = healthyFleet([{ url: A }], {
      metrics_interval: metricsInterval,
    });
    const server = serverAt(fleet, A);
    fleet.recordScrape(server, {
      running: 3,
      waiting: 4,
      kvCacheUsage: undefined,
      maxFds: undefined,
      ownInFlight: 0,
    }, false);
    clock.now += trustedMs;
    assert.equal(
      fleet.loadOf(server).running + fleet.loadOf(server).waiting,
      7,
    );
    clock.now += 1;
    assert.deepEqual(fleet.loadOf(server), { running: 0, waiting: 0, load: 0 });
    lease(fleet);
    assert.equal(fleet.loadOf(server).running, 1);
  });
}

Deno.test("a page without request metrics replaces an earlier scrape", () => {
  const { fleet } = healthyFleet([{ url: A }]);
  const server = serverAt(fleet, A);
  const scrape = {
    running: 3,
    waiting: 0,
    kvCacheUsage: undefined,
    maxFds: undefined,
    ownInFlight: 0,
  };
  fleet.recordScrape(server, scrape, false);
  assert.equal(fleet.loadOf(server).load, 1);
  fleet.recordScrape(server, undefined, false);
  assert.equal(fleet.loadOf(server).load, 0);
});

Deno.test("fixed models are not replaced by what a server lists", () => {
  const { fleet } = fleetOf([{ url: A, models: ["fixed"] }]);
  fleet.recordModels(serverAt(fleet, A), [{ id: "other" }]);
  assert.deepEqual([...serverAt(fleet, A).models.keys()], ["fixed"]);
});

Deno.test("each state change is reported once, with its reason, and nothing else is", () => {
  const { fleet, changes } = fleetOf([{ url: A }, { url: B, models: [MODEL] }]);
  const server = serverAt(fleet, A);
  fleet.recordCheck(server, PASSED);
  fleet.recordCheck(server, PASSED);
  fleet.recordModels(server, []);
  fleet.recordModels(server, [{ id: MODEL }]);
  fleet.recordModels(server, [{ id: MODEL }]);
  fleet.recordScrape(server, undefined, true);
  fleet.recordScrape(server, undefined, true);
  fleet.recordScrape(server, undefined, false);
  fleet.recordCheck(serverAt(fleet, B), PASSED);
  for (let i = 0; i < 5; i++) fleet.recordCheck(server, FAILED);
  fleet.recordCheck(server, PASSED);
  const leases = Array.from({ length: 8 }, () => leaseOfA(fleet) as Lease);
  for (const lease of leases.slice(0, 3)) answerWell(lease);
  for (const lease of leases.slice(3)) lease.end("reset");
  assert.deepEqual(
    changes.map(({ server, from, to }) => `${server.url} ${from} ${to}`),
    [
      `${A} checking no_models`,
      `${A} no_models healthy`,
      `${A} healthy sleeping`,
      `${A} sleeping healthy`,
      `${B} checking healthy`,
      `${A} healthy unhealthy`,
      `${A} unhealthy healthy`,
      `${A} healthy unhealthy`,
    ],
  );
  assert.match(changes[5]!.reason, /3 checks failed in a row/);
  assert.match(changes[7]!.reason, /3 of 6 requests failed/);
});

Deno.test("a reload keeps servers' state by URL and starts new ones in checking", () => {
  const { fleet } = healthyFleet([{ url: A }, { url: B }]);
  const held = [lease(fleet), lease(fleet), lease(fleet)];
  const before = serverAt(fleet, A);
  const inFlight = before.inFlight;
  fleet.reconcile(configOf([
    { url: C },
    { url: `${A}/v1`, max_concurrent_requests: 9, name: "renamed" },
    { url: B },
  ]));
  assert.deepEqual(urls(fleet), [C, A, B]);
  const after = serverAt(fleet, A);
  assert.equal(after.id, before.id);
  assert.equal(stateOf(after), "healthy");
  assert.equal(after.inFlight, inFlight);
  assert.equal(after.config.capacity, 9);
  assert.equal(after.config.name, "renamed");
  assert.ok(after.models.has(MODEL));
  assert.equal(stateOf(serverAt(fleet, C)), "checking");
  for (const lease of held) lease.end("ok");
  assert.deepEqual(fleet.servers.map(({ inFlight }) => inFlight), [0, 0, 0]);
});

Deno.test("a reload applies its settings and policy", () => {
  const { fleet } = healthyFleet([{ url: A }, { url: B }]);
  fleet.reconcile(
    configOf([{ url: A }, { url: B }], {
      policy: "round_robin",
      failure_threshold: 1,
    }),
  );
  const chosen = [1, 2, 3, 4].map(() => lease(fleet).server.config.url);
  assert.deepEqual(chosen, [A, B, A, B]);
  lease(fleet).end("reset");
  assert.equal(stateOf(serverAt(fleet, A)), "unhealthy");
});

Deno.test("a reload that keeps the policy keeps its state", () => {
  const config = () => configOf([{ url: A }, { url: B }], { policy: "round_robin" });
  const { fleet } = healthyFleet([{ url: A }, { url: B }], {
    policy: "round_robin",
  });
  const chosen = [1, 2, 3, 4].map(() => {
    fleet.reconcile(config());
    return lease(fleet).server.config.url;
  });
  assert.deepEqual(chosen, [A, B, A, B]);
});

Deno.test("a removed server finishes its requests, gets no new ones, and is forgotten after the last", () => {
  const { fleet, changes } = healthyFleet([{ url: A }, { url: B }]);
  const held = [lease(fleet), lease(fleet)].find(({ server }) => server.config.url === A)!;
  const second = lease(fleet, MODEL, without(serverAt(fleet, B)));
  fleet.reconcile(configOf([{ url: B }]));
  assert.equal(stateOf(serverAt(fleet, A)), "draining");
  for (let i = 0; i < 5; i++) {
    assert.equal(lease(fleet).server.config.url, B);
  }
  held.end("ok");
  assert.deepEqual(urls(fleet).sort(), [A, B]);
  second.end("truncated");
  assert.deepEqual(urls(fleet), [B]);
  assert.deepEqual(
    changes.map(({ server, to }) => `${server.url} ${to}`),
    [`${A} draining`],
  );
});

Deno.test("a removed server whose name was reassigned is called by its URL until it is forgotten", () => {
  const { fleet } = healthyFleet([{ url: A, name: "gpu" }]);
  const held = lease(fleet);
  const names = () => fleet.snapshot().servers.map(({ name }) => name);
  fleet.reconcile(configOf([{ url: B, name: "other" }]));
  assert.deepEqual(names(), ["other", "gpu"]);
  fleet.reconcile(configOf([{ url: B, name: "gpu" }]));
  assert.deepEqual(names(), ["gpu", A]);
  fleet.reconcile(configOf([{ url: B }, { url: A, name: "gpu" }]));
  assert.deepEqual(names().slice(1), ["gpu"], "back in the configuration");
  held.end("ok");
});

Deno.test("a removed server without requests is forgotten at once", () => {
  const { fleet } = healthyFleet([{ url: A }, { url: B }]);
  fleet.reconcile(configOf([{ url: B }]));
  assert.deepEqual(urls(fleet), [B]);
});

for (const inFlight of [0, 1]) {
  Deno.test(`a removed server with ${inFlight} in flight takes requests until a new one is checked, then is forgotten`, () => {
    const { fleet } = healthyFleet([{ url: A }]);
    const held = Array.from({ length: inFlight }, () => lease(fleet));
    fleet.reconcile(configOf([{ url: B }]));
    const helped = lease(fleet);
    assert.equal(helped.server.config.url, A);
    helped.end("ok");

    fleet.recordModels(serverAt(fleet, B), [{ id: MODEL }]);
    fleet.recordCheck(serverAt(fleet, B), PASSED);
    assert.equal(lease(fleet).server.config.url, B);
    for (const lease of held) lease.end("ok");
    assert.deepEqual(urls(fleet), [B]);
  });
}

Deno.test("a removed server takes no requests that another can", () => {
  const { fleet } = healthyFleet([{ url: A }, { url: B }]);
  lease(fleet, MODEL, without(serverAt(fleet, B)));
  fleet.reconcile(configOf([{ url: B }, { url: C }]));
  for (let i = 0; i < 5; i++) {
    assert.equal(lease(fleet).server.config.url, B);
  }
});

Deno.test("a model that only a removed server has is unknown", () => {
  const { fleet } = healthyFleet([
    { url: A, models: ["one"] },
    { url: B, models: ["two"] },
  ]);
  lease(fleet, "one");
  fleet.reconcile(configOf([{ url: B, models: ["two"] }]));
  assert.equal(stateOf(serverAt(fleet, A)), "draining");
  assert.equal(refusal(fleet, "one"), "unknown_model");
});

Deno.test("a server restored before it has drained keeps its state", () => {
  const { fleet } = healthyFleet([{ url: A }]);
  const held = lease(fleet);
  fleet.reconcile(configOf([{ url: B }]));
  fleet.reconcile(configOf([{ url: B }, { url: A }]));
  assert.equal(stateOf(serverAt(fleet, A)), "healthy");
  assert.equal(lease(fleet).server, held.server);
  held.end("ok");
  assert.deepEqual(urls(fleet).sort(), [A, B]);
});

Deno.test("a reload that fixes a server's models takes them at once", () => {
  const { fleet } = healthyFleet([{ url: A }]);
  fleet.reconcile(configOf([{ url: A, models: ["fixed"] }]));
  assert.equal(refusal(fleet, "fixed"), "a server");
  assert.equal(refusal(fleet, MODEL), "unknown_model");
});

Deno.test("a server whose fixed models are removed keeps them until it lists its own", () => {
  const { fleet } = healthyFleet([{ url: A, models: ["fixed"] }]);
  fleet.reconcile(configOf([{ url: A }]));
  assert.equal(refusal(fleet, "fixed"), "a server");
  fleet.recordModels(serverAt(fleet, A), [{ id: "own" }]);
  assert.equal(refusal(fleet, "fixed"), "unknown_model");
  assert.equal(refusal(fleet, "own"), "a server");
});

Deno.test("a snapshot shows each server as it is", () => {
  const { fleet, clock } = healthyFleet([
    { url: A, max_concurrent_requests: 4 },
    { url: B },
  ]);
  const server = serverAt(fleet, A);
  fleet.recordScrape(server, {
    running: 1,
    waiting: 0,
    kvCacheUsage: 0.25,
    maxFds: 1_024,
    ownInFlight: 0,
  }, false);
  lease(fleet, MODEL, without(serverAt(fleet, B))).end("reset");
  lease(fleet, MODEL, without(serverAt(fleet, B)));
  fleet.recordCheck(server, { ok: true, responseMs: 15 });
  const [shown] = fleet.snapshot().servers;
  assert.deepEqual(shown, {
    url: A,
    name: "a",
    stateSince: 1_000_000,
    engine: undefined,
    state: "healthy",
    takesRequests: true,
    reason: "check passed",
    capacity: 4,
    inFlight: 1,
    running: 2,
    waiting: 0,
    load: 0.5,
    models: new Map([[MODEL, { id: MODEL }]]),
    modelsUpdatedAt: clock.now,
    lastCheckAt: clock.now,
    consecutiveFailures: 1,
    successRate: 1,
    meanResponseMs: 10,
    lastResponseMs: 15,
    totalChecks: 2,
    scrapedAt: clock.now,
    scrape: {
      running: 1,
      waiting: 0,
      kvCacheUsage: 0.25,
      maxFds: 1_024,
      ownInFlight: 0,
      peersInFlight: 0,
      at: clock.now,
    },
    work: {
      // The prompt is unknown, so it counts as an average one.
      pendingTokens: 1_000,
      prefixBlocks: 0,
      predictedHitRate: undefined,
      realHitRate: undefined,
      prefixTrust: 0.97,
      growth: 0,
      secondsPerToken: shown?.work.secondsPerToken,
      startSeconds: shown?.work.startSeconds,
      secondsPerAnswerToken: shown?.work.secondsPerAnswerToken,
    },
  });
});

Deno.test("under any requests and reloads, in-flight counts are exact, drained servers are forgotten and trials are sequential", () => {
  const outcomes: Outcome[] = ["ok", "reset", "client_closed", "backpressure", "draining"];
  const TRIAL_MS = 5_000;
  const which = fc.nat();
  const event = fc.oneof(
    fc.record({ do: fc.constant("acquire" as const) }),
    fc.record({
      do: fc.constant("end" as const),
      which,
      how: fc.constantFrom(...outcomes),
      disputed: fc.boolean(),
    }),
    fc.record({
      do: fc.constant("settle" as const),
      which,
      cause: fc.constantFrom("server" as const, "request" as const, "unknown" as const),
    }),
    fc.record({
      do: fc.constant("reload" as const),
      servers: fc.subarray([A, B, C], { minLength: 1 }),
    }),
    fc.record({ do: fc.constant("recover" as const), afterMs: fc.nat(10_000) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const { fleet, clock } = healthyFleet([{ url: A }, { url: B }]);
      const held: Lease[] = [];
      const disputed: Lease[] = [];
      /** The latest trial of each server and when it began. */
      const trials = new Map<Readonly<Server>, { lease: Lease; at: number }>();
      let configured = new Set([A, B]);
      const conclude = (lease: Lease) => {
        if (trials.get(lease.server)?.lease === lease) trials.delete(lease.server);
      };
      for (const event of events) {
        if (event.do === "acquire") {
          const lease = fleet.acquire(profileOf(), new Map());
          if (typeof lease === "string") continue;
          const { server } = lease;
          if (server.health.status === "half-open") {
            const { at } = trials.get(server) ?? { at: -Infinity };
            assert.ok(clock.now - at >= TRIAL_MS, "one trial at a time");
            trials.set(server, { lease, at: clock.now });
          }
          held.push(lease);
        } else if (event.do === "end" && held.length > 0) {
          const [lease] = held.splice(event.which % held.length, 1);
          lease!.end(event.how, { disputed: event.disputed });
          lease!.end("reset");
          if (event.disputed) disputed.push(lease!);
          else conclude(lease!);
        } else if (event.do === "settle" && disputed.length > 0) {
          const [lease] = disputed.splice(event.which % disputed.length, 1);
          lease!.settle(event.cause);
          lease!.settle("server");
          conclude(lease!);
        } else if (event.do === "reload") {
          configured = new Set(event.servers);
          fleet.reconcile(configOf(event.servers.map((url) => ({ url }))));
        } else if (event.do === "recover") {
          clock.now += event.afterMs;
          for (const server of serversOf(fleet)) {
            fleet.recordModels(server, [{ id: MODEL }]);
            fleet.recordCheck(server, PASSED);
          }
        }
        for (const server of fleet.servers) {
          const trial = trials.get(server);
          assert.equal(server.trialSince, trial?.at);
          const own = held.filter((lease) => lease.server === server).length;
          assert.deepEqual([server.inFlight, server.awaitingFirstToken], [own, own]);
          assert.equal(server.draining, !configured.has(server.config.url));
          assert.ok(
            !server.draining || server.inFlight > 0 ||
              serversOf(fleet).some((other) => stateOf(other) === "checking"),
            "a drained server stays only while new ones are being checked",
          );
        }
        assert.equal(new Set(urls(fleet)).size, fleet.servers.length);
      }
      for (const lease of held) lease.end("ok");
      for (const server of serversOf(fleet)) fleet.recordCheck(server, PASSED);
      assert.deepEqual(urls(fleet).sort(), [...configured].sort());
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  );
});

Deno.test("a lease says why its server was chosen only if that is asked for", () => {
  const { fleet } = healthyFleet([{ url: "http://a" }]);
  const lease = fleet.acquire(profileOf({ model: MODEL }), new Map(), "1", true) as Lease;
  assert.match(lease.decision!, /^least_work, 1 of 1: /);
  const other = fleet.acquire(profileOf({ model: MODEL }), new Map(), "2") as Lease;
  assert.equal(other.decision, undefined);
});

Deno.test("a lease reports its end once, with its first outcome", () => {
  const { fleet } = healthyFleet([{ url: "http://a" }]);
  const lease = fleet.acquire(profileOf({ model: MODEL }), new Map()) as Lease;
  const ends: unknown[] = [];
  lease.onEnded = (...end) => void ends.push(end);
  lease.end("bad_status", { what: "it answered 500", disputed: true });
  lease.end("ok");
  lease.settle("server");
  assert.deepEqual(ends, [["bad_status", { what: "it answered 500", disputed: true }]]);
});
