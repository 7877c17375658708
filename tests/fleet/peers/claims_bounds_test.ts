import assert from "node:assert/strict";
import fc from "fast-check";
import {
  MOST_PREFIX_BLOCKS,
  type QueuedRequest,
} from "../../../src/fleet/estimate/prompt_profile.ts";
import { Fleet } from "../../../src/fleet/fleet.ts";
import { createPeerClaims } from "../../../src/fleet/peers/claims.ts";
import { type PeerEvent, serverHash } from "../../../src/fleet/peers/event.ts";
import { configOf } from "../../support/config.ts";
import { sentEventOf } from "../../support/peers.ts";
import { numRuns } from "../../support/property.ts";
import { profileOf } from "../../support/work.ts";

const URLS = ["http://a", "http://b", "http://c"];

Deno.test("a peer's blocks take no more memory than the index of all prefixes", () => {
  const [server] = new Fleet({ config: configOf([{ url: "http://a" }]) }).servers;
  let kept = 0;
  const claims = createPeerClaims({
    serverOf: () => ({ ...server! }),
    requests: {
      begin(_, { blocks }, at) {
        kept += blocks.length;
        return { profile: { blocks }, at } as unknown as QueuedRequest;
      },
      computed() {},
      end: (_, { profile }) => void (kept -= profile.blocks.length),
    },
  });
  const blocks = Array.from({ length: 1_000 }, (_, at) => at);
  const sent = (id: number) => sentEventOf({ id, blocks });
  claims.hear(Array.from({ length: 2_000 }, (_, id) => sent(id)), 0);
  assert.equal(kept, MOST_PREFIX_BLOCKS);
  assert.equal(claims.size, 2_000, "the requests count all the same");
});

const id = fc.nat(6);
const blocks = fc.array(fc.nat(3), { maxLength: 3 });
const event: fc.Arbitrary<PeerEvent> = fc.oneof(
  fc.record({
    id,
    server: fc.constantFrom(...URLS, "http://x").map(serverHash),
    computed: fc.boolean(),
    stream: fc.boolean(),
    ageMs: fc.nat(3_000),
    promptTokens: fc.nat(10_000_000),
    blocks,
  }).map((known) => sentEventOf({ ...known, ownTokens: known.promptTokens })),
  id.map((id): PeerEvent => ({ kind: "computed", id })),
  fc.record({ id, blocks }).map((known): PeerEvent => ({ kind: "ended", ...known })),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ peer: fc.nat(2), events: fc.array(event) }) },
  { weight: 2, arbitrary: fc.record({ servers: fc.subarray(URLS) }) },
  fc.record({ drop: fc.nat(2) }),
  fc.record({ scraped: fc.nat(2), running: fc.nat(30), waiting: fc.nat(30), ran: fc.nat(9) }),
  fc.record({ own: fc.constantFrom("begins", "starts", "ends") }),
);

Deno.test("no request of a peer or of the router stays counted, whatever servers come and go", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const clock = { now: 1_000_000 };
      const config = configOf(URLS.map((url) => ({ url, max_concurrent_requests: 8 })));
      const fleet = new Fleet({ config, now: () => clock.now, random: () => 0 });
      const peers = [0, 1, 2].map(() => fleet.peers.join());
      fleet.peers.tellTo(() => {});
      const leases: Exclude<ReturnType<typeof fleet.acquire>, string>[] = [];
      const serve = (urls: readonly string[]) => {
        const servers = config.servers.filter(({ url }) => urls.includes(url));
        fleet.reconcile({ settings: config.settings, servers });
        for (const server of fleet.servers) {
          fleet.recordModels(server, [{ id: "m" }]);
          fleet.recordCheck(server, { ok: true, responseMs: 1 });
        }
      };
      const act = (what: string) => {
        const [first] = leases;
        if (what === "starts") first?.started();
        if (what === "ends") leases.shift()?.end("ok");
        if (what !== "begins") return;
        const lease = fleet.acquire(profileOf({ model: "m", blocks: [1, 2] }), new Map());
        if (typeof lease !== "string") leases.push(lease);
      };
      serve(URLS);
      for (const each of steps) {
        clock.now += 137;
        if ("events" in each) peers[each.peer]!.hear(each.events, clock.now);
        else if ("servers" in each) serve(each.servers);
        else if ("drop" in each) peers[each.drop]!.drop();
        else if ("own" in each) act(each.own);
        else {
          const server = fleet.servers[each.scraped];
          const { ran, running, waiting } = each;
          const counters = {
            prompt: ran,
            generation: ran,
            prefixQueries: undefined,
            prefixHits: undefined,
          };
          const unknown = { kvCacheUsage: undefined, maxFds: undefined };
          const ownInFlight = server?.inFlight ?? 0;
          const scrape = { running, waiting, counters, ownInFlight, ...unknown };
          if (server) fleet.recordScrape(server, scrape, false);
        }
        for (const claims of peers) fleet.peers.compare(claims);
        for (const server of fleet.servers) {
          const { running, waiting } = fleet.loadOf(server);
          assert.ok(server.peersInFlight >= 0 && waiting >= 0);
          assert.ok(running + waiting >= server.inFlight + server.peersInFlight);
        }
      }
      for (const claims of peers) claims.drop();
      for (const lease of leases) lease.end("client_closed");
      assert.deepEqual(peers.map(({ size }) => size), [0, 0, 0]);
      assert.deepEqual(fleet.peers.inFlight(clock.now), []);
      for (const { peersInFlight } of fleet.servers) assert.equal(peersInFlight, 0);
      for (const { work } of fleet.snapshot().servers) assert.equal(work.pendingTokens, 0);
    }),
    { numRuns: numRuns / 10 },
  );
});
