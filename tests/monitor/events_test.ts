import assert from "node:assert/strict";
import type { ServerState } from "../../src/fleet/state/server.ts";
import type { Config } from "../../src/config/config.ts";
import { createEvents } from "../../src/monitor/events.ts";
import { SHOWN_EVENTS } from "../../src/monitor/view_tables.ts";
import { configOf } from "../support/config.ts";
import { assertLinear } from "../support/linear.ts";

const A = "gpu-1";
const B = "gpu-2";
const serverA = { url: "http://10.0.0.1:8000", name: A };

Deno.test("each kind of event is one sentence, newest first", () => {
  let now = 0;
  const { listener, list } = createEvents(() => ++now, (time) => time);
  listener.stateChanged!({
    server: serverA,
    from: "checking",
    to: "healthy",
    reason: "check passed",
  });
  listener.failover!({ id: "7", from: A, to: B, reason: "timeout" });
  listener.reloaded!(configOf([{ url: "http://a" }, { url: "http://b" }]), []);
  listener.notReloaded!([{ where: "config.max_retries", what: "expected a whole number" }]);
  assert.deepEqual(list(), [
    {
      at: 4,
      kind: "reload",
      tone: "bad",
      servers: [],
      text:
        "Configuration not applied, nothing changed: config.max_retries: expected a whole number",
    },
    {
      at: 3,
      kind: "reload",
      tone: "good",
      text: "Configuration reloaded, 2 servers",
      servers: [],
    },
    {
      at: 2,
      kind: "failover",
      tone: "bad",
      text: `A request moved from ${A} to ${B}: no answer in time`,
      servers: [A, B],
    },
    { at: 1, kind: "state", tone: "plain", text: `${A} is healthy: check passed`, servers: [A] },
  ]);
});

Deno.test("turning keys off is a bad event in capitals", () => {
  const { listener, list } = createEvents(() => 1, (time) => time);
  listener.keysTurnedOff!();
  assert.deepEqual(list(), [{
    at: 1,
    kind: "reload",
    tone: "bad",
    text: "KEYS ARE TURNED OFF: anyone may use the router",
    servers: [],
  }]);
});

Deno.test("a state file that can't be written is a bad event", () => {
  const { listener, list } = createEvents(() => 1, (time) => time);
  listener.stateFileProblem!("/a/state.json", "can't be written: there is no folder /a");
  const text = "The state file /a/state.json can't be written: there is no folder /a";
  assert.deepEqual(list(), [{ at: 1, kind: "state", tone: "bad", text, servers: [] }]);
});

Deno.test("of several problems the first is shown and the others are counted", () => {
  const { listener, list } = createEvents(() => 0, (time) => time);
  const problem = { where: "servers", what: "expected a list" };
  listener.notReloaded!([problem, problem, problem]);
  assert.match(list()[0]!.text, /: servers: expected a list and 2 more$/);
  listener.notReloaded!([]);
  assert.equal(list()[0]!.text, "Configuration not applied, nothing changed");
});

Deno.test("a server going down is bad, its return good, other transitions plain", () => {
  const { listener, list } = createEvents(() => 0, (time) => time);
  const tone = (from: ServerState, to: ServerState) => {
    listener.stateChanged!({ server: serverA, from, to, reason: "why" });
    return list()[0]!.tone;
  };
  assert.equal(tone("healthy", "unhealthy"), "bad");
  assert.equal(tone("checking", "unhealthy"), "bad");
  assert.equal(tone("unhealthy", "healthy"), "good");
  assert.equal(tone("checking", "healthy"), "plain");
  assert.equal(tone("healthy", "draining"), "plain");
  assert.equal(tone("healthy", "stalled"), "bad");
  assert.equal(tone("stalled", "healthy"), "good");
  assert.equal(tone("unhealthy", "half-open"), "plain", "it is not back yet");
  assert.equal(tone("half-open", "healthy"), "good");
  assert.equal(tone("half-open", "unhealthy"), "bad");
  assert.equal(tone("sleeping", "healthy"), "plain");
});

Deno.test("only as many events are kept as are shown, and a returned list does not change", () => {
  const { listener, list } = createEvents(() => 0, (time) => time);
  const none = list();
  for (let id = 0; id < 3 * SHOWN_EVENTS; id++) {
    listener.failover!({ id: String(id), from: `${A}/${id}`, to: B, reason: "reset" });
  }
  assert.equal(none.length, 0);
  assert.equal(list().length, SHOWN_EVENTS);
  assert.match(list()[0]!.text, / gpu-1\/149 /);
  assert.match(list().at(-1)!.text, / gpu-1\/100 /);
});

Deno.test("failovers from one server for one reason are one event that counts them", () => {
  let now = 0;
  const events = createEvents(() => now, (time) => time);
  const { stateChanged, failover } = events.listener;
  stateChanged!({ server: serverA, from: "healthy", to: "unhealthy", reason: "gone" });
  for (let i = 0; i < 500; i++) {
    now += 10;
    failover!({ id: String(i), from: A, to: B, reason: "refused" });
  }
  assert.deepEqual(events.list().map(({ text }) => text), [
    "500 requests moved from gpu-1: no connection",
    "gpu-1 is unhealthy, was healthy: gone",
  ]);
  now += 60_000;
  failover!({ id: "late", from: A, to: B, reason: "refused" });
  assert.equal(events.list().length, 3, "much later it is another event");
});

Deno.test("a failover costs the same, however many its event covers already", async () => {
  await assertLinear((size) => {
    const { listener } = createEvents(() => 0, (time) => time);
    for (let i = 0; i < size; i++) {
      listener.failover!({ id: "7", from: A, to: B, reason: "backpressure" });
    }
  }, 2_000);
});

Deno.test("servers that keep failing and leaving leave only the shown events", () => {
  const { listener, list } = createEvents(() => 0, (time) => time);
  const { set } = Map.prototype;
  let largest = 0;
  Map.prototype.set = function (...entry) {
    set.apply(this, entry);
    largest = Math.max(largest, this.size);
    return this;
  };
  try {
    for (let i = 0; i < 10_000; i++) {
      listener.failover!({ id: String(i), from: `http://gpu-${i}`, to: B, reason: "refused" });
    }
  } finally {
    Map.prototype.set = set;
  }
  assert.equal(list().length, SHOWN_EVENTS);
  assert.ok(largest <= SHOWN_EVENTS, `a map of ${largest} entries`);
});

Deno.test("servers that start together are one event, which is no change for the charts", () => {
  let now = 0;
  const { listener, list, changes } = createEvents(() => now, (time) => time);
  const start = (name: string) =>
    listener.stateChanged!({
      server: { url: `http://${name}`, name },
      from: "checking",
      to: "healthy",
      reason: "check passed",
    });
  const texts = () => list().map(({ text }) => text);
  start("a");
  start("b");
  assert.deepEqual(texts(), ["a and b are healthy: check passed"]);
  for (const name of ["c", "d", "e", "f"]) start(name);
  assert.deepEqual(texts(), ["a, b, c, d and 2 more are healthy: check passed"]);
  assert.deepEqual(list()[0]!.servers, ["a", "b", "c", "d"]);
  now = 20_000;
  start("late");
  assert.equal(list().length, 2);
  assert.deepEqual(changes(), []);
});

Deno.test("changes of state are kept apart, newest first, however many requests move", () => {
  let now = 0;
  const { listener, list, changes } = createEvents(() => now, (time) => time);
  listener.stateChanged!({ server: serverA, from: "healthy", to: "no_models", reason: "none" });
  for (let id = 0; id < 2 * SHOWN_EVENTS; id++) {
    listener.failover!({ id: String(id), from: `${A}/${id}`, to: B, reason: "reset" });
  }
  now = 5;
  listener.stateChanged!({ server: serverA, from: "no_models", to: "healthy", reason: "listed" });
  assert.deepEqual(changes(), [
    {
      at: 5,
      kind: "change",
      tone: "good",
      text: "gpu-1 is healthy, was no models: listed",
      servers: [A],
    },
    {
      at: 0,
      kind: "change",
      tone: "bad",
      text: "gpu-1 is no models, was healthy: none",
      servers: [A],
    },
  ]);
  assert.ok(!list().some(({ at, kind }) => at === 0 && kind === "change"));
});

Deno.test("a reload whose change takes effect only after a restart says so", () => {
  const { listener, list } = createEvents(() => 0, (time) => time);
  const config = configOf([{ url: "http://a" }]);
  const warning = { where: "admin.listen", what: "takes effect after a restart" };
  listener.reloaded!(config, [warning, warning]);
  assert.equal(
    list()[0]!.text,
    "Configuration reloaded, 1 server: admin.listen: takes effect after a restart and 1 more",
  );
  assert.equal(list()[0]!.tone, "plain");
});

Deno.test("a source of servers that can't be read is an event, and that it can again is another", () => {
  const { listener, list } = createEvents(() => 0, (time) => time);
  listener.sourceFailed!("dns a", "no A records of a");
  listener.sourceRecovered!("dns a");
  assert.deepEqual(list().map(({ tone, text }) => [tone, text]), [
    ["good", "dns a can be read again"],
    ["bad", "dns a can't be read, so what it listed stays: no A records of a"],
  ]);
  const config = configOf([{ url: "http://a" }]);
  const source: Config["discovery"][number] = {
    name: "dns a",
    from: { kind: "files", patterns: [] },
    scheme: "http",
    defaults: { capacity: 3 },
  };
  listener.reloaded!({ ...config, discovery: [source] }, []);
  assert.equal(list()[0]!.text, "Configuration reloaded, 1 server and 1 source");
});
