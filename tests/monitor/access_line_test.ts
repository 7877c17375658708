import assert from "node:assert/strict";
import { accessLine } from "../../src/monitor/access_line.ts";
import { openRecord } from "../../src/proxy/request_record.ts";
import { clientAs } from "../support/client.ts";

Deno.test("what is read of an answer for its span is not in the log", () => {
  const record = openRecord({ id: "1", client: clientAs(), method: "POST", path: "/v1/responses" });
  const traced = { ...record, responseId: "resp_1", finishReasons: ["stop"] };
  assert.deepEqual(accessLine(traced), accessLine(record));
});
