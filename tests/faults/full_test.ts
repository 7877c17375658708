import assert from "node:assert/strict";
import { inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

// Full is not broken (issue 13, section 5).

const BODIES = {
  "/v1/chat/completions": { messages: [{ role: "user", content: "Hello" }], max_tokens: 20 },
  "/v1/completions": { prompt: "Hello", max_tokens: 20 },
  "/v1/messages": { messages: [{ role: "user", content: "Hello" }], max_tokens: 20 },
  "/v1/responses": { input: "Hello", max_output_tokens: 20 },
};

for (const [path, body] of Object.entries(BODIES)) {
  for (const stream of [true, false]) {
    Deno.test(`${path}, ${stream ? "streams" : "whole answers"}: a burst past a server's queue is backpressure, and never blames it`, async () => {
      await using fleet = await startFleet({
        servers: [
          { speed: 4, maxNumSeqs: 1, maxQueued: 2, capacity: 100 },
          { maxNumSeqs: 100, capacity: 100 },
        ],
        settings: { policy: "round_robin" },
      });
      const post = () =>
        fetch(fleet.router.url + path, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ model: MODEL, stream, ignore_eos: true, ...body }),
        });
      const answers = await Promise.all(Array.from({ length: 24 }, post));
      for (const answer of answers) {
        const text = await answer.text();
        assert.equal(answer.status, 200, text);
        assert.doesNotMatch(text, /"error":\{/);
      }
      const [full] = fleet.router.fleet.servers;
      assert.equal(full!.health.status, "healthy");
      assert.equal(full!.health.consecutiveRequestFailures, 0);
      assert.ok(full!.backpressureUntil > 0, "it asked to be left alone");
      await until("nothing is in flight", () => inFlight(fleet.router) === 0);
    });
  }
}
