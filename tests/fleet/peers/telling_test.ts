import assert from "node:assert/strict";
import { Fleet } from "../../../src/fleet/fleet.ts";
import { MOST_TOLD_BLOCKS, type PeerEvent, serverHash } from "../../../src/fleet/peers/event.ts";
import { configOf } from "../../support/config.ts";
import { profileOf } from "../../support/work.ts";

const A = "http://a";

function startFleet() {
  const clock = { now: 1_000 };
  const fleet = new Fleet({ config: configOf([{ url: A }]), now: () => clock.now });
  for (const server of fleet.servers) {
    fleet.recordModels(server, [{ id: "m" }]);
    fleet.recordCheck(server, { ok: true, responseMs: 1 });
  }
  const acquire = (known = {}) => {
    const lease = fleet.acquire(profileOf({ model: "m", ...known }), new Map());
    assert.ok(typeof lease !== "string");
    return lease;
  };
  const told: PeerEvent[] = [];
  fleet.peers.tellTo((event) => void told.push(event));
  return { fleet, clock, acquire, told };
}

Deno.test("a request is told when it is sent, when its prompt is computed and when it ends", () => {
  const { fleet, clock, acquire, told } = startFleet();
  const lease = acquire({ promptBytes: 4_000, blocks: [1, -2], session: 9 });
  const [sent] = told;
  assert.ok(sent?.kind === "sent");
  assert.equal(sent.server, serverHash(A));
  assert.ok(sent.promptTokens > 500 && sent.ownTokens <= sent.promptTokens);
  assert.deepEqual([sent.blocks, sent.session, sent.computed, sent.ageMs], [[1, -2], 9, false, 0]);
  clock.now += 50;
  lease.started();
  lease.started();
  const [known] = fleet.peers.inFlight(clock.now);
  assert.deepEqual(known, { ...sent, computed: true, ageMs: 50 });
  lease.end("ok");
  lease.end("ok");
  const { id } = sent;
  assert.deepEqual(told.slice(1), [
    { kind: "computed", id },
    { kind: "ended", id, blocks: [] },
  ]);
  assert.deepEqual(fleet.peers.inFlight(clock.now), []);
});

Deno.test("the blocks of a prompt with its answer are told, up to a bound", () => {
  const { acquire, told } = startFleet();
  const continued = () => Array.from({ length: 2_000 }, (_, at) => at);
  const lease = acquire({ promptBytes: 512, blocks: [0], continued });
  lease.started();
  lease.end("ok", { answer: () => new Uint8Array() });
  const ended = told.at(-1);
  assert.ok(ended?.kind === "ended");
  assert.deepEqual(ended.blocks, continued().slice(0, MOST_TOLD_BLOCKS));
});

Deno.test("nothing is told or kept while nobody listens", () => {
  const { fleet, clock, acquire, told } = startFleet();
  const before = acquire();
  fleet.peers.tellTo(undefined);
  acquire().end("ok");
  before.started();
  before.end("ok");
  assert.equal(told.length, 1);
  fleet.peers.tellTo((event) => void told.push(event));
  assert.deepEqual(fleet.peers.inFlight(clock.now), []);
});
