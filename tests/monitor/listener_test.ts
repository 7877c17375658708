import assert from "node:assert/strict";
import { combineListeners, type Listener } from "../../src/monitor/listener.ts";

const server = { url: "http://a", name: "a" };
const failover = { id: "1", from: "a", to: "b", reason: "reset" } as const;

const unexpected = (error: unknown) => assert.fail(String(error));

Deno.test("each listener that implements a method is called, in order, with all arguments", () => {
  const heard: unknown[] = [];
  const listener = combineListeners([
    { failover: (what) => heard.push(["first", what]) },
    { chosen: () => heard.push("not this one") },
    {
      failover: (what) => heard.push(["third", what]),
      attemptEnded: (...what) => heard.push(what),
      firstToken: (...what) => heard.push(what),
    },
  ], unexpected);
  listener.failover(failover);
  listener.attemptEnded(server, "ok");
  listener.firstToken(server, 1, 2);
  assert.deepEqual(heard, [["first", failover], ["third", failover], [server, "ok"], [
    server,
    1,
    2,
  ]]);
});

Deno.test("an event without listeners is ignored", () => {
  const listener = combineListeners([], unexpected);
  const names: (keyof Listener)[] = [
    "chosen",
    "chose",
    "firstToken",
    "nextToken",
    "failover",
    "retryDenied",
    "continued",
    "notContinued",
    "closed",
    "stateChanged",
    "noModels",
    "noMetrics",
    "attemptEnded",
    "turnedAway",
    "connectionFailed",
    "wrongKey",
    "stateFileProblem",
    "spansExported",
    "spansDropped",
    "spansFailed",
    "spansRecovered",
    "reloaded",
    "keysTurnedOff",
    "notReloaded",
    "peerUp",
    "peerDown",
    "sourceChanged",
    "sourceFailed",
    "sourceRecovered",
    "sourceWarned",
    "serverNamedTwice",
  ];
  assert.deepEqual(Object.keys(listener).sort(), names.sort());
  for (const name of names) (listener[name] as () => void)();
});

Deno.test("the error of a single failing listener is reported and not thrown", () => {
  const errors: unknown[] = [];
  const broken = new Error("broken");
  const nextToken = () => {
    throw broken;
  };
  combineListeners([{}, { nextToken }, {}], (error) => errors.push(error)).nextToken(1);
  assert.deepEqual(errors, [broken]);
});

Deno.test("a failing listener does not stop the others, and its error is reported", () => {
  const errors: unknown[] = [];
  let heard = 0;
  const broken = new Error("broken");
  const failing = () => {
    throw broken;
  };
  const listener = combineListeners(
    [{ stateChanged: failing }, { stateChanged: () => void heard++ }],
    (e) => {
      errors.push(e);
    },
  );
  listener.stateChanged({ server, from: "checking", to: "healthy", reason: "" });
  assert.equal(heard, 1);
  assert.deepEqual(errors, [broken]);
});
