import assert from "node:assert/strict";
import type { Outcome } from "../../src/fleet/outcome.ts";
import { endingOf, outcomeFor } from "../../src/proxy/account.ts";

const endings: Record<Outcome | "rejected", string> = {
  ok: "ok",
  client_error: "ok",
  client_closed: "client_closed",
  refused: "upstream_error",
  reset: "upstream_error",
  timeout: "upstream_error",
  bad_status: "upstream_error",
  backpressure: "upstream_error",
  truncated: "upstream_error",
  rejected: "rejected",
};

for (const [outcome, ending] of Object.entries(endings)) {
  Deno.test(`a request whose outcome is ${outcome} ended as ${ending}`, () => {
    assert.equal(endingOf({ outcome: outcome as Outcome | "rejected" }), ending);
  });
}

Deno.test("what the router cut off as it stopped is no server's error, as what no server was asked", () => {
  assert.equal(outcomeFor(undefined), "rejected");
  assert.equal(outcomeFor({ outcome: "timeout", expired: "cut_off" }), "rejected");
  assert.equal(outcomeFor({ outcome: "timeout", expired: "silent" }), "timeout");
  assert.equal(outcomeFor({ outcome: "ok", expired: undefined }), "ok");
});
