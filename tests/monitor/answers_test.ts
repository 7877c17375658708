import assert from "node:assert/strict";
import { createAnswers } from "../../src/monitor/answers.ts";
import { openRecord, type RequestRecord } from "../../src/proxy/request_record.ts";
import { clientAs } from "../support/client.ts";

const recordOf = (status: number, outcome: RequestRecord["outcome"]): RequestRecord => ({
  ...openRecord({ id: "1", client: clientAs({}), method: "POST", path: "/" }),
  status,
  outcome,
});

Deno.test("answers are counted by how they ended, each once, and fade after a minute", () => {
  let now = 0;
  const answers = createAnswers(5_000, () => now);
  answers.look();
  const { closed, turnedAway } = answers.listener;
  closed(recordOf(200, "ok"));
  closed(recordOf(200, "ok"));
  closed(recordOf(200, "truncated"));
  closed(recordOf(503, "rejected"));
  closed(recordOf(404, "rejected"));
  closed(recordOf(400, "client_error"));
  closed(recordOf(499, "client_closed"));
  closed(recordOf(200, "client_closed"));
  turnedAway("no key", "10.0.0.1", undefined, undefined);
  now = 1_000;
  answers.look();
  assert.deepEqual(answers.perSecond(), {
    all: 8,
    by: { ok: 2, clientErrors: 3, clientClosed: 2, failed: 2 },
  });
  assert.deepEqual(answers.lastMinute(), { ended: 8, failed: 2 });
  assert.equal(answers.total(), 8);
  now = 90_000;
  assert.deepEqual(answers.lastMinute(), { ended: 0, failed: 0 });
});
