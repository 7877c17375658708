import assert from "node:assert/strict";
import { readOpeningEvent } from "../../src/vllm/realtime_events.ts";

Deno.test("an opening event of any type is answered, whatever its type is", () => {
  const messageFor = (type: unknown) => {
    const event = readOpeningEvent(JSON.stringify({ type }));
    return "message" in event ? event.message : event.kind;
  };
  assert.equal(messageFor("response.create"), "Unknown event type: response.create");
  assert.equal(messageFor({ toString: 1 }), 'Unknown event type: {"toString":1}');
  assert.equal(messageFor(undefined), "Unknown event type: none");
  assert.equal(messageFor("x".repeat(1_000)), `Unknown event type: ${"x".repeat(100)}`);
});
