import assert from "node:assert/strict";
import fc from "fast-check";
import { Fleet } from "../../../src/fleet/fleet.ts";
import type { PeerEvent } from "../../../src/fleet/peers/event.ts";
import { serverHash } from "../../../src/fleet/peers/event.ts";
import { configOf } from "../../support/config.ts";
import { sentEventOf } from "../../support/peers.ts";
import { numRuns } from "../../support/property.ts";
import { profileOf } from "../../support/work.ts";

const URLS = ["http://a", "http://b"];
const A = serverHash("http://a");
const B = serverHash("http://b");

/** A fleet of two healthy servers with eight seats each, and its clock. */
function startFleet() {
  const clock = { now: 1_000_000 };
  const fleet = new Fleet({
    config: configOf(URLS.map((url) => ({ url, max_concurrent_requests: 8 }))),
    now: () => clock.now,
    random: () => 0,
  });
  for (const server of fleet.servers) {
    fleet.recordModels(server, [{ id: "m" }]);
    fleet.recordCheck(server, { ok: true, responseMs: 1 });
  }
  const scrape = (place: number, running: number, waiting = 0) =>
    fleet.recordScrape(fleet.servers[place]!, {
      running,
      waiting,
      kvCacheUsage: undefined,
      maxFds: undefined,
      ownInFlight: fleet.servers[place]!.inFlight,
    }, false);
  const total = (place: number) => {
    const { running, waiting } = fleet.loadOf(fleet.servers[place]!);
    return running + waiting;
  };
  const pending = () => fleet.snapshot().servers.map(({ work }) => work.pendingTokens);
  const acquire = (known = {}) => {
    const lease = fleet.acquire(profileOf({ model: "m", ...known }), new Map());
    assert.ok(typeof lease !== "string");
    return lease;
  };
  return { fleet, clock, scrape, total, pending, acquire };
}

Deno.test("a peer's request counts at once, until its prompt is computed and it ends", () => {
  const { fleet, clock, total, pending } = startFleet();
  const claims = fleet.peers.join();
  claims.hear([sentEventOf({ id: 7 })], clock.now);
  assert.deepEqual([total(0), total(1)], [1, 0]);
  assert.deepEqual(pending(), [1_000, 0]);
  claims.hear([{ kind: "computed", id: 7 }], clock.now);
  assert.equal(total(0), 1);
  assert.deepEqual(pending(), [0, 0]);
  claims.hear([{ kind: "ended", id: 7, blocks: [] }], clock.now);
  assert.equal(total(0), 0);
});

Deno.test("two routers that tell each other send to different servers", () => {
  const [one, other] = [startFleet(), startFleet()];
  const heard = other.fleet.peers.join();
  one.fleet.peers.tellTo((event) => heard.hear([event], other.clock.now));
  const first = one.acquire({ promptBytes: 4_000 });
  const second = other.acquire({ promptBytes: 4_000 });
  assert.notEqual(first.server.config.url, second.server.config.url);
  first.started();
  first.end("ok");
  second.end("ok");
  assert.equal(heard.size, 0);
});

Deno.test("a scrape doesn't count a peer's requests a second time", () => {
  const { fleet, clock, scrape, total } = startFleet();
  const claims = fleet.peers.join();
  claims.hear([sentEventOf({ id: 1 }), sentEventOf({ id: 2 })], clock.now);
  scrape(0, 3);
  assert.equal(total(0), 3, "two of the peer, one of another client");
  claims.hear([sentEventOf({ id: 3 })], clock.now + 1);
  assert.equal(total(0), 4);
  claims.hear([{ kind: "ended", id: 1, blocks: [] }], clock.now + 1);
  assert.equal(total(0), 3);
});

Deno.test("a request that the scrape showed before the peer's word isn't counted twice", () => {
  const { fleet, clock, scrape, total } = startFleet();
  scrape(0, 1);
  clock.now += 8;
  fleet.peers.join().hear([sentEventOf({ ageMs: 10 })], clock.now);
  assert.equal(total(0), 1);
});

Deno.test("what a silent peer had counts as the scrape shows it", () => {
  const { fleet, clock, scrape, total, pending } = startFleet();
  const claims = fleet.peers.join();
  claims.hear([1, 2, 3].map((id) => sentEventOf({ id })), clock.now);
  clock.now += 1;
  scrape(0, 3);
  clock.now += 1;
  claims.hear([sentEventOf({ id: 4 })], clock.now);
  claims.drop();
  assert.equal(claims.size, 0);
  assert.equal(total(0), 3);
  assert.deepEqual(pending(), [0, 0]);
  scrape(0, 0);
  assert.equal(total(0), 0);
});

Deno.test("prefixes that a peer's prompts left in a cache are known, also of answers", () => {
  const { fleet, clock, acquire } = startFleet();
  const claims = fleet.peers.join();
  const blocks = Array.from({ length: 40 }, (_, at) => at + 1);
  claims.hear([
    sentEventOf({ server: B, blocks: blocks.slice(0, 30) }),
    { kind: "computed", id: 1 },
    { kind: "ended", id: 1, blocks },
  ], clock.now);
  claims.drop();
  const lease = acquire({ blocks, promptBytes: 512 * 40 });
  assert.equal(lease.server.config.url, "http://b");
  assert.equal(fleet.snapshot().servers[1]!.work.prefixBlocks, 40);
  lease.end("ok");
});

Deno.test("a prompt that was never computed leaves nothing in a cache", () => {
  const { fleet, clock } = startFleet();
  const claims = fleet.peers.join();
  claims.hear([sentEventOf({ blocks: [1, 2, 3] })], clock.now);
  claims.hear([{ kind: "ended", id: 1, blocks: [] }], clock.now);
  assert.equal(fleet.snapshot().servers[0]!.work.prefixBlocks, 0);
});

Deno.test("a peer that claims more than servers show isn't believed after a second", () => {
  const { fleet, clock, scrape, total, pending } = startFleet();
  const claims = fleet.peers.join();
  claims.hear(Array.from({ length: 20_000 }, (_, id) => sentEventOf({ id })), clock.now);
  assert.equal(total(0), 16_384);
  clock.now += 500;
  scrape(0, 2);
  fleet.peers.compare(claims);
  assert.ok(total(0) > 2, "they may have been on their way");
  clock.now += 501;
  scrape(0, 2);
  fleet.peers.compare(claims);
  assert.equal(total(0), 2);
  assert.deepEqual(pending(), [0, 0]);
});

Deno.test("requests that a peer has sent since the last scrape are believed", () => {
  const { fleet, clock, scrape, total } = startFleet();
  const claims = fleet.peers.join();
  scrape(0, 0);
  clock.now += 100;
  claims.hear(Array.from({ length: 20 }, (_, id) => sentEventOf({ id })), clock.now);
  clock.now += 3_000;
  fleet.peers.compare(claims);
  assert.equal(total(0), 20);
});

Deno.test("a server that goes and returns has none of the old claims", () => {
  const { fleet, clock, total, pending } = startFleet();
  const claims = fleet.peers.join();
  claims.hear([sentEventOf({ id: 1 }), sentEventOf({ id: 2 })], clock.now);
  const { settings } = fleet;
  const both = fleet.servers.map(({ config }) => config);
  fleet.reconcile({ settings, servers: both.slice(1) });
  fleet.reconcile({ settings, servers: both });
  claims.hear([{ kind: "ended", id: 1, blocks: [] }], clock.now);
  claims.drop();
  const place = fleet.servers.findIndex(({ config }) => config.url === "http://a");
  assert.equal(total(place), 0);
  assert.deepEqual(pending(), [0, 0]);
});

const id = fc.nat(5);
const events: fc.Arbitrary<PeerEvent> = fc.oneof(
  fc.record({
    id,
    server: fc.constantFrom(A, B, 12345),
    computed: fc.boolean(),
    stream: fc.boolean(),
    ageMs: fc.nat(3_000),
    promptTokens: fc.nat(10_000_000),
    blocks: fc.array(fc.nat(3), { maxLength: 3 }),
  }).map((known) => sentEventOf({ ...known, ownTokens: known.promptTokens })),
  id.map((id): PeerEvent => ({ kind: "computed", id })),
  fc.record({ id, blocks: fc.array(fc.nat(3), { maxLength: 3 }) })
    .map((known): PeerEvent => ({ kind: "ended", ...known })),
);

Deno.test("whatever is told, lost or repeated, sums stay within bounds and end with the peer", () => {
  const step = fc.oneof(
    fc.record({ peer: fc.nat(1), events: fc.array(events, { maxLength: 4 }) }),
    fc.record({ drop: fc.nat(1) }),
    fc.record({ place: fc.nat(1), running: fc.nat(30), waiting: fc.nat(30) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { fleet, clock, scrape, total, pending } = startFleet();
      const peers = [fleet.peers.join(), fleet.peers.join()];
      for (const each of steps) {
        clock.now += 100;
        if ("events" in each) peers[each.peer]!.hear(each.events, clock.now);
        else if ("drop" in each) peers[each.drop]!.drop();
        else scrape(each.place, each.running, each.waiting);
        for (const claims of peers) fleet.peers.compare(claims);
        const claimed = fleet.servers.reduce((sum, { peersInFlight }) => sum + peersInFlight, 0);
        assert.equal(claimed, peers[0]!.size + peers[1]!.size);
        assert.ok(fleet.servers.every(({ peersInFlight }) => peersInFlight >= 0));
        assert.ok(pending().every((tokens) => tokens >= 0 && tokens <= 120_000_000));
      }
      for (const claims of peers) claims.drop();
      assert.deepEqual(fleet.servers.map(({ peersInFlight }) => peersInFlight), [0, 0]);
      assert.deepEqual(pending(), [0, 0]);
      for (const place of [0, 1]) {
        const { running = 0, waiting = 0 } = fleet.servers[place]!.scrape ?? {};
        assert.ok(total(place) <= running + waiting);
        scrape(place, 3, 2);
        assert.equal(total(place), 5);
      }
    }),
    { numRuns: numRuns / 4 },
  );
});
