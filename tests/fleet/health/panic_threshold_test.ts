import assert from "node:assert/strict";
import fc from "fast-check";
import { isFleetwideFailure, leavesEnough } from "../../../src/fleet/health/panic_threshold.ts";
import { UNCHECKED } from "../../../src/fleet/health/active_check.ts";
import { newServer, type Server } from "../../../src/fleet/state/server.ts";
import { configOf } from "../../support/config.ts";
import { numRuns } from "../../support/property.ts";

type Kind =
  | "healthy"
  | "half-open"
  | "unhealthy"
  | "open"
  | "checking"
  | "failing"
  | "draining"
  | "sleeping"
  | "stalled";

/** A server in that state, with these models. */
function serverOf(kind: Kind, models: readonly string[] = ["m"], id = 0): Server {
  const [config] = configOf([{ url: `http://${id}` }]).servers;
  const server = newServer(id, config!, 0);
  server.models = new Map(models.map((id) => [id, { id }]));
  const status = kind === "half-open" || kind === "unhealthy" || kind === "checking"
    ? kind
    : kind === "open"
    ? "unhealthy"
    : "healthy";
  server.health = {
    ...UNCHECKED,
    status,
    openUntil: kind === "open" || kind === "half-open" ? 1_000 : 0,
    consecutiveCheckFailures: kind === "failing" ? 1 : 0,
  };
  server.draining = kind === "draining";
  server.asleep = kind === "sleeping";
  server.stalled = kind === "stalled";
  return server;
}

function fleetOf(...kinds: Kind[]): [Server, ...Server[]] {
  return kinds.map((kind, id) => serverOf(kind, ["m"], id)) as [Server, ...Server[]];
}

for (
  const [others, expected] of [
    [[], false],
    [["healthy"], true],
    [["unhealthy"], false],
    [["healthy", "healthy"], true],
    [["healthy", "unhealthy"], false],
    [["half-open", "healthy"], true],
    [["sleeping", "stalled", "checking"], false],
    [["healthy", "healthy", "unhealthy"], true],
    [["healthy", "unhealthy", "unhealthy"], false],
    [["healthy", "unhealthy", "draining"], false],
    [["healthy", "draining"], true],
  ] satisfies [Kind[], boolean][]
) {
  Deno.test(`beside ${others.join(", ") || "nobody"} a server ${expected ? "may" : "may not"} go out`, () => {
    const servers = fleetOf("healthy", ...others);
    assert.equal(leavesEnough(servers[0], servers), expected);
  });
}

Deno.test("only servers with a shared model can replace an ejected one", () => {
  const own = serverOf("healthy", ["one", "two"], 0);
  const twin = serverOf("healthy", ["two", "three"], 1);
  const stranger = serverOf("healthy", ["three"], 2);
  assert.equal(leavesEnough(own, [own, stranger]), false);
  assert.equal(leavesEnough(own, [own, stranger, twin]), true);
  const sick = serverOf("unhealthy", ["three"], 3);
  assert.equal(leavesEnough(own, [own, twin, sick, sick]), true, "strangers don't count");
});

Deno.test("servers are ejected one by one until half of them are left", () => {
  const kind = fc.constantFrom<Kind>("healthy", "half-open", "unhealthy", "stalled", "draining");
  fc.assert(
    fc.property(fc.array(kind, { minLength: 1, maxLength: 12 }), (kinds) => {
      const servers = fleetOf(...kinds);
      for (const server of servers) {
        if (server.health.status === "unhealthy" || server.stalled || server.draining) continue;
        if (leavesEnough(server, servers)) server.health = { ...UNCHECKED, status: "unhealthy" };
      }
      const peers = servers.filter(({ draining }) => !draining);
      const isIn = ({ health, stalled }: Server) => health.status !== "unhealthy" && !stalled;
      const before = kinds.filter((kind) => kind === "healthy" || kind === "half-open").length;
      const left = peers.filter(isIn).length;
      assert.equal(left, Math.min(before, Math.ceil(peers.length / 2)));
    }),
    { numRuns },
  );
});

for (
  const [others, expected] of [
    [[], true],
    [["healthy"], false],
    [["failing"], true],
    [["unhealthy"], true],
    [["open"], false],
    [["healthy", "failing"], true],
    [["healthy", "healthy", "failing"], false],
    [["healthy", "healthy", "failing", "unhealthy"], true],
    [["healthy", "draining", "failing"], true],
    [["checking", "half-open"], false],
  ] satisfies [Kind[], boolean][]
) {
  Deno.test(`a failing check beside ${others.join(", ") || "nobody"} ${expected ? "is one of most" : "is that server's own"}`, () => {
    const servers = fleetOf("healthy", ...others);
    assert.equal(isFleetwideFailure(servers[0], servers), expected);
  });
}
