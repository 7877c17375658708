import assert from "node:assert/strict";
import {
  engineOf,
  evict,
  freshScrape,
  isFresh,
  isFull,
  loadOf,
} from "../../../src/fleet/state/engine.ts";
import { type Health, UNCHECKED } from "../../../src/fleet/health/active_check.ts";
import { newServer, type Server } from "../../../src/fleet/state/server.ts";
import { NO_PROGRESS } from "../../../src/fleet/health/engine_stall.ts";
import { configOf } from "../../support/config.ts";

const NOW = 1_000_000;
/** A scrape stays fresh for five seconds. */
const SETTINGS = { metricsIntervalMs: 500 };
const [CONFIG] = configOf([{ url: "http://gpu", max_concurrent_requests: 4 }]).servers;

function serverOf(known: Partial<Server> = {}, health: Partial<Health> = {}): Server {
  return {
    ...newServer(0, CONFIG!, 0),
    health: { ...UNCHECKED, status: "healthy", ...health },
    ...known,
  };
}

const page = (waiting: number, at = NOW) => ({
  running: 3,
  waiting,
  kvCacheUsage: undefined,
  maxFds: undefined,
  ownInFlight: 0,
  at,
});

for (
  const [metricsIntervalMs, trustedMs] of [[500, 5_000], [10_000, 40_000]] as const
) {
  Deno.test(`with a scrape every ${metricsIntervalMs} ms, one stays fresh for ${trustedMs} ms`, () => {
    const settings = { metricsIntervalMs };
    assert.equal(isFresh(undefined, settings, NOW), false);
    assert.equal(isFresh(NOW - trustedMs, settings, NOW), true);
    assert.equal(isFresh(NOW - trustedMs - 1, settings, NOW), false);
    const scrape = page(0, NOW - trustedMs);
    assert.equal(freshScrape(serverOf({ scrape }), settings, NOW), scrape);
    assert.equal(freshScrape(serverOf({ scrape }), settings, NOW + 1), undefined);
  });
}

Deno.test("an unhealthy server's scrape is ignored", () => {
  const out = serverOf({ scrape: page(2) }, { status: "unhealthy" });
  assert.equal(freshScrape(out, SETTINGS, NOW), undefined);
  assert.equal(freshScrape(serverOf(), SETTINGS, NOW), undefined);
});

Deno.test("the load uses a fresh scrape, and only own requests otherwise", () => {
  const server = serverOf({ scrape: page(2), inFlight: 1 });
  assert.deepEqual(loadOf(server, SETTINGS, NOW), { running: 3, waiting: 3, load: 1.125 });
  assert.deepEqual(loadOf(server, SETTINGS, NOW + 5_001), { running: 1, waiting: 0, load: 0.25 });
});

Deno.test("a server is full if it is in back-pressure or its scrape shows a queue", () => {
  const full = (known: Partial<Server>) => isFull(serverOf(known), SETTINGS, NOW);
  assert.equal(full({}), false);
  assert.equal(full({ scrape: page(0) }), false);
  assert.equal(full({ scrape: page(1) }), true);
  assert.equal(full({ scrape: page(1, NOW - 5_001) }), false);
  assert.equal(full({ backpressureUntil: NOW + 1 }), true);
  assert.equal(full({ backpressureUntil: NOW }), false);
});

Deno.test("an engine counts as stalled while its server is stalled, or since it became unreadable", () => {
  const progress = { ...NO_PROGRESS, movedAt: NOW - 9_000, noProgressSince: NOW - 8_000 };
  const known = { progress, scrapedAt: NOW - 5_000 };
  const noProgressSince = (server: Server, now = NOW) =>
    engineOf(server, SETTINGS, now).noProgressSince;
  const works = serverOf(known);
  assert.deepEqual(engineOf(works, SETTINGS, NOW), {
    movedAt: NOW - 9_000,
    noProgressSince: Infinity,
  });
  assert.equal(
    noProgressSince(works, NOW + 1),
    Infinity,
    "it may work though its page can't be read",
  );
  assert.equal(noProgressSince(serverOf({ ...known, stalled: true })), NOW - 8_000);
  const out = serverOf(known, { status: "unhealthy" });
  assert.equal(noProgressSince(out), Infinity, "its page says that it works");
  assert.equal(noProgressSince(out, NOW + 1), NOW - 5_000);
  assert.equal(noProgressSince(serverOf({}, { status: "unhealthy" })), Infinity);
});

for (
  const [what, known, health, leaves] of [
    ["moved a moment ago", { progress: { ...NO_PROGRESS, movedAt: NOW - 5_000 } }, {}, false],
    ["moved some time ago", { progress: { ...NO_PROGRESS, movedAt: NOW - 5_001 } }, {}, true],
    ["was never seen to move", {}, {}, true],
    ["is stalled", { stalled: true, progress: { ...NO_PROGRESS, movedAt: NOW } }, {}, true],
    [
      "moved, at a server whose checks fail",
      {
        progress: { ...NO_PROGRESS, movedAt: NOW },
      },
      { consecutiveCheckFailures: 1 },
      true,
    ],
  ] satisfies [string, Partial<Server>, Partial<Health>, boolean][]
) {
  Deno.test(`requests ${leaves ? "leave" : "stay"} if the engine ${what}`, () => {
    let left = 0;
    const evictions = new Set([() => left++, () => left++]);
    evict(serverOf({ ...known, evictions }, health), SETTINGS, NOW);
    assert.equal(left, leaves ? 2 : 0);
  });
}
