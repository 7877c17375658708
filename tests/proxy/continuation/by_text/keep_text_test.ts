import assert from "node:assert/strict";
import { keepText } from "../../../../src/proxy/continuation/by_text/keep_text.ts";
import { createKeepBudget } from "../../../../src/proxy/continuation/keep_budget.ts";
import { KeptStream } from "../../../../src/proxy/continuation/kept_stream.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const named = (event: { readonly type: string; readonly [name: string]: unknown }) =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const start = named({ type: "message_start", message: { usage: { input_tokens: 3 } } });
const open = (index: number, type: string) =>
  named({ type: "content_block_start", index, content_block: { type, text: "" } });
const text = named({
  type: "content_block_delta",
  index: 0,
  delta: { type: "text_delta", text: "a" },
});
const stop = (index: number) => named({ type: "content_block_stop", index });
const call = named({
  type: "content_block_start",
  index: 1,
  content_block: { type: "tool_use", id: "t", name: "look", input: {} },
});
const end = named({ type: "message_delta", delta: { stop_reason: "tool_use" }, usage: {} });

/** Keeps what comes in these chunks. Returns what the client gets of each. */
function passed(chunks: readonly string[]) {
  const kept = new KeptStream("messages", false, encoder.encode("{}"), createKeepBudget());
  const out = chunks.map((chunk) =>
    decoder.decode(keepText(kept, "messages", encoder.encode(chunk)))
  );
  return { kept, out };
}

Deno.test("a client gets every event once, wherever a message is split", () => {
  const events = [start, open(0, "text"), text, stop(0), call, stop(1), end];
  for (let first = 0; first <= events.length; first++) {
    for (let second = first; second <= events.length; second++) {
      const chunks = [
        events.slice(0, first),
        events.slice(first, second),
        events.slice(second),
      ];
      const { out } = passed(chunks.map((chunk) => chunk.join("")));
      assert.equal(out.join(""), events.join(""), `split at ${first} and ${second}`);
    }
  }
});

Deno.test("a comment, a ping or an error behind the end of a text doesn't close it", () => {
  for (const event of [": alive\n\n", named({ type: "ping" }), named({ type: "error" })]) {
    const { kept, out } = passed([start + open(0, "text") + text + stop(0), event]);
    assert.equal(out.join(""), start + open(0, "text") + text + event);
    assert.equal(kept.closing.length, 1);
  }
});

Deno.test("a server that closes a text forever is held back no more", () => {
  const stops = Array(100).fill(stop(0));
  const { kept, out } = passed([start, open(0, "text"), text, ...stops]);
  assert.equal(out.join(""), start + open(0, "text") + text + stops.join(""));
  assert.equal(kept.closing.length, 0);
  assert.ok(kept.isLost);
});
