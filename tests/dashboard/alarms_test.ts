import assert from "node:assert/strict";
import { alarmOf } from "../../src/monitor/dashboard/alarms.js";
import type { ServerView, View } from "../../src/monitor/view.ts";
import { sceneOf } from "./scenes.ts";

const AT = Date.UTC(2026, 10, 28, 10, 33);

/** Returns a view of servers in these states. */
function viewOf(states: readonly ServerView["state"][], changes: Partial<View> = {}): View {
  const { view } = sceneOf(states.length, "all down", AT);
  const servers = view.servers.map((server, i) => ({ ...server, state: states[i]! }));
  const healthy = states.filter((state) => state === "healthy").length;
  const noneHealthySince = healthy > 0 ? null : AT - 34_000;
  return { ...view, servers, totals: { ...view.totals, healthy, noneHealthySince }, ...changes };
}

Deno.test("a fleet without a healthy server is an alarm that tells since when and why", () => {
  const alarm = alarmOf(viewOf(["unhealthy", "unhealthy"]));
  assert.equal(alarm?.tone, "bad");
  assert.equal(alarm?.title, "No server takes requests");
  assert.match(
    alarm?.text ?? "",
    /^Clients get 503, for 34 s, since \d\d:32:26\. All for the same reason: checks failed/,
  );
});

Deno.test("a server that is being tried again is named in the alarm", () => {
  const alarm = alarmOf(viewOf(["unhealthy", "half-open"]));
  assert.equal(alarm?.title, "No server is healthy");
  assert.match(alarm?.text ?? "", /h100-2 takes one request at a time until one succeeds/);
});

Deno.test("a fleet that is starting is no alarm, but one that waits for a new server is", () => {
  const starting = viewOf(["checking", "unhealthy"], { startedAt: AT - 34_000 });
  assert.equal(alarmOf(starting)?.tone, "warn");
  assert.equal(
    alarmOf(starting)?.text,
    "1 of 2 servers are still being checked. Until one is healthy, clients get 503.",
  );
  assert.equal(alarmOf(viewOf(["checking", "unhealthy"]))?.tone, "bad");
});

Deno.test("a model without a healthy server is an alarm, named shortly", () => {
  const view = viewOf(["healthy", "unhealthy"]);
  const model = view.models[1]!;
  const models = [
    { ...view.models[0]!, healthy: 1 },
    { ...model, healthy: 0 },
    { ...model, name: "x".repeat(10_000), healthy: 0 },
  ];
  const alarm = alarmOf({ ...view, models });
  assert.equal(
    alarm?.title,
    `No healthy server has llama-3.1-8b and ${"x".repeat(60)}…`,
  );
  assert.match(alarm?.text ?? "", /^Clients that ask for them get 503\. Reason: checks/);
});

Deno.test("a healthy fleet has no alarm", () => {
  assert.equal(alarmOf(sceneOf(3, "healthy").view), undefined);
});

Deno.test("a source of servers that can't be read is a warning, and is told with any other alarm", () => {
  const source = { name: "dns vllm.internal", servers: 2, failure: null, failedSince: null };
  const failing = { ...source, failure: "no A records", failedSince: AT - 34_000 };
  const { view } = sceneOf(3, "healthy", AT);
  assert.equal(alarmOf({ ...view, sources: [source] }), undefined);
  const alarm = alarmOf({ ...view, sources: [source, { ...failing, name: "files a" }] });
  assert.equal(alarm?.tone, "warn");
  assert.equal(alarm?.title, "files a can't be read");
  assert.match(
    alarm?.text ?? "",
    /^For 34 s, since \d\d:32:26: no A records\. What it listed stays\.$/,
  );
  const both = alarmOf(viewOf(["unhealthy"], { sources: [failing] }));
  assert.equal(both?.tone, "bad");
  assert.match(
    both?.text ?? "",
    /^Clients get 503.* Connection refused\. dns vllm\.internal can't be read\. For 34 s/,
  );
  const long = alarmOf({ ...view, sources: [{ ...failing, failure: "x".repeat(500) }] });
  assert.match(long?.text ?? "", /: x{300}… What it listed stays/);
});

Deno.test("a peer that is away is a warning, once it is no longer starting", () => {
  const peer = { router: "http://b:9090", up: false, since: AT - 34_000, problem: "no answer" };
  const { view } = sceneOf(3, "healthy", AT);
  assert.equal(alarmOf({ ...view, peers: [{ ...peer, up: true }] }), undefined);
  assert.equal(alarmOf({ ...view, peers: [{ ...peer, since: AT - 1_000 }] }), undefined);
  const alarm = alarmOf({ ...view, peers: [peer] });
  assert.equal(alarm?.tone, "warn");
  assert.equal(alarm?.title, "Peer http://b:9090 is away");
  assert.match(alarm?.text ?? "", /^For 34 s(, since \d\d:32:26)?: no answer\. Its requests/);
  const both = alarmOf(viewOf(["unhealthy"], { peers: [peer] }));
  assert.equal(both?.tone, "bad");
  assert.match(both?.text ?? "", /Peer http:\/\/b:9090 is away\. For 34 s/);
});

Deno.test("a fleet whose sources have no servers yet says so", () => {
  const source = { name: "dns a", servers: null, failure: null, failedSince: null };
  const empty = viewOf([]);
  const none = { ...empty, totals: { ...empty.totals, servers: 0, noneHealthySince: AT } };
  assert.equal(alarmOf({ ...none, sources: [source] })?.title, "No servers yet");
  assert.equal(alarmOf(none)?.title, "No server is configured");
});
