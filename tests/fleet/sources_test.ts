import assert from "node:assert/strict";
import type { ServerConfig } from "../../src/config/config.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Lease } from "../../src/fleet/lease.ts";
import { type Server, stateOf } from "../../src/fleet/state/server.ts";
import { configOf } from "../support/config.ts";
import { profileOf } from "../support/work.ts";

const [A, B, C] = ["http://a", "http://b", "http://c"];
const PASSED = { ok: true, responseMs: 5 };

/** Servers of a source. */
function found(...urls: readonly string[]): ServerConfig[] {
  return urls.map((written) => {
    const [url = "", state] = written.split(" ");
    return {
      url,
      name: url.slice(7),
      capacity: 3,
      models: ["m"],
      source: "dns x",
      ...(state && { draining: true }),
      ...(state === "terminating" && { terminating: true }),
    };
  });
}

/** A fleet whose servers come from a source, and the changes that it reported. */
function fleetOf(...urls: readonly string[]) {
  const changes: string[] = [];
  const clock = { now: 1_000_000 };
  const { settings, ...config } = configOf([{ url: A }]);
  const fleet = new Fleet({
    config: { ...config, settings, servers: found(...urls) },
    now: () => clock.now,
    onStateChange: ({ server, to, reason }) => void changes.push(`${server.name} ${to}: ${reason}`),
  });
  const at = (url: string) => fleet.servers.find(({ config }) => config.url === url) as Server;
  const check = (...urls: string[]) => urls.forEach((url) => fleet.recordCheck(at(url), PASSED));
  check(...fleet.servers.map(({ config }) => config.url));
  changes.length = 0;
  return {
    fleet,
    changes,
    clock,
    at,
    check,
    has: (...urls: string[]) => fleet.reconcile({ settings, servers: found(...urls) }),
    urls: () => fleet.servers.map(({ config }) => config.url),
    lease(): Lease {
      const lease = fleet.acquire(profileOf({ model: "m" }), new Map());
      if (typeof lease === "string") throw new Error(`Refused: ${lease}`);
      return lease;
    },
  };
}

Deno.test("a server that its source drains finishes its requests, gets no new ones, and can come back", () => {
  const { at, has, lease, changes } = fleetOf(A!, B!);
  const held = [lease(), lease()].find(({ server }) => server.config.url === A)!;
  has(`${A} draining`, B!);
  assert.equal(stateOf(at(A!)), "draining");
  for (let i = 0; i < 5; i++) assert.equal(lease().server.config.url, B);
  held.end("ok");
  assert.ok(at(A!), "it stays, and is watched");
  has(A!, B!);
  assert.equal(stateOf(at(A!)), "healthy");
  has(B!);
  has(A!, B!);
  assert.deepEqual(changes, [
    "a draining: drained by dns x",
    "a healthy: no longer drained by dns x",
    "a draining: removed from dns x",
  ]);
});

Deno.test("an operator's drain lasts, whatever the source says", () => {
  const { fleet, at, has } = fleetOf(A!, B!);
  fleet.setDrained("a", true);
  has(`${A} draining`, B!);
  has(A!, B!);
  assert.equal(stateOf(at(A!)), "draining");
  fleet.setDrained("a", false);
  assert.equal(stateOf(at(A!)), "healthy");
});

Deno.test("a server that its source drains takes requests while the new one is being checked", () => {
  const { has, lease, check } = fleetOf(A!);
  has(`${A} draining`, B!);
  assert.equal(lease().server.config.url, A);
  check(B!);
  assert.equal(lease().server.config.url, B);
});

Deno.test("a server that terminates takes requests only while no other can, nor if it is removed or drained", () => {
  const { fleet, at, has, lease, check } = fleetOf(A!, B!);
  has(`${A} terminating`, `${B} terminating`);
  assert.equal(stateOf(at(A!)), "draining");
  assert.deepEqual(fleet.snapshot().servers.map(({ takesRequests }) => takesRequests), [
    true,
    true,
  ]);
  lease();
  fleet.setDrained("a", true);
  for (let i = 0; i < 5; i++) assert.equal(lease().server.config.url, B);
  has(`${A} terminating`, `${B} terminating`, C!);
  assert.equal(lease().server.config.url, B, "while the new one is being checked");
  check(C!);
  for (let i = 0; i < 5; i++) assert.equal(lease().server.config.url, C);
  has(`${A} terminating`, `${B} draining`);
  assert.throws(lease, /Refused: unavailable/);
  has(`${A} terminating`);
  assert.throws(lease, /Refused: unavailable/);
});

Deno.test("a removed server is forgotten although others are being checked all the time", () => {
  const { has, check, clock, urls } = fleetOf(A!);
  has(B!);
  assert.deepEqual(urls(), [B, A], "it may be needed until B is checked");
  clock.now += 1;
  has(B!, C!);
  check(B!);
  assert.deepEqual(urls(), [B, C]);
});

Deno.test("while a removed server is kept, checks of others leave the servers as they are", () => {
  const { fleet, has, check } = fleetOf(A!, B!);
  has(B!, C!);
  const before = fleet.servers;
  check(B!);
  assert.equal(fleet.servers.length, 3);
  assert.ok(fleet.servers === before, "who keeps state by server would look through all of them");
});
