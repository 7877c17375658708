import assert from "node:assert/strict";
import type { Outcome } from "../../src/fleet/outcome.ts";
import { endingOf } from "../../src/proxy/request_record.ts";

const endings: Record<Outcome | "rejected", string> = {
  ok: "ok",
  client_error: "client_error",
  client_closed: "client_closed",
  refused: "upstream_error",
  reset: "upstream_error",
  timeout: "upstream_error",
  bad_status: "upstream_error",
  outlier: "upstream_error",
  backpressure: "upstream_error",
  draining: "upstream_error",
  aborted: "upstream_error",
  truncated: "upstream_error",
  rejected: "rejected",
};

for (const [outcome, ending] of Object.entries(endings)) {
  Deno.test(`a request whose outcome is ${outcome} ended as ${ending}`, () => {
    assert.equal(endingOf({ outcome: outcome as Outcome | "rejected" }), ending);
  });
}
