import assert from "node:assert/strict";
import { createFailures, isFailed } from "../../src/monitor/failures.ts";
import { SHOWN_FAILURES } from "../../src/monitor/view_tables.ts";
import { openRecord, type RequestRecord } from "../../src/proxy/request_record.ts";
import { clientAs } from "../support/client.ts";

const recordOf = (fields: Partial<RequestRecord>) => ({
  ...openRecord({
    id: "1",
    client: clientAs({ keyName: "team-a" }),
    method: "POST",
    path: "/v1/completions?secret=1",
  }),
  ...fields,
});

Deno.test("a failed request is shown with its server, its key and why, without its query", () => {
  const { listener, list } = createFailures(() => 7);
  listener.closed!(recordOf({
    model: "m",
    lastServer: "gpu-1",
    attempts: 2,
    status: 502,
    outcome: "truncated",
  }));
  assert.deepEqual(list(), [{
    at: 7,
    id: "1",
    path: "/v1/completions",
    model: "m",
    key: "team-a",
    server: "gpu-1",
    attempts: 2,
    status: 502,
    reason: "the answer broke off",
  }]);
});

Deno.test("the router's own error is the reason, if that is what the client got", () => {
  const { listener, list } = createFailures(() => 7);
  listener.closed!(recordOf({ status: 503, error: "No server is available." }));
  const [failure] = list();
  assert.equal(failure!.reason, "No server is available.");
  assert.equal(failure!.server, null);
});

Deno.test("what a client did wrong is no failure, nor that it left", () => {
  const { listener, list } = createFailures(() => 7);
  listener.closed!(recordOf({ status: 200, outcome: "ok" }));
  listener.closed!(recordOf({ status: 404 }));
  listener.closed!(recordOf({ status: 400, outcome: "client_error" }));
  listener.closed!(recordOf({ status: 499, outcome: "client_closed" }));
  assert.deepEqual(list(), []);
  assert.ok(isFailed({ status: 200, outcome: "truncated" }), "a stream that broke off");
});

Deno.test("only the latest failures are kept, newest first", () => {
  const { listener, list } = createFailures(() => 7);
  for (let id = 0; id < 3 * SHOWN_FAILURES; id++) {
    listener.closed!(recordOf({ id: String(id), status: 500, outcome: "bad_status" }));
  }
  assert.equal(list().length, SHOWN_FAILURES);
  assert.equal(list()[0]!.id, String(3 * SHOWN_FAILURES - 1));
});

Deno.test("long names from clients are clipped, and errors that quote them", () => {
  const { listener, list } = createFailures(() => 7);
  const long = "x".repeat(100_000);
  listener.closed!(recordOf({ status: 500, path: `/${long}`, model: long, outcome: "bad_status" }));
  listener.closed!(recordOf({ status: 503, error: `No server has ${long}` }));
  assert.ok(JSON.stringify(list()).length < 1_000);
});
