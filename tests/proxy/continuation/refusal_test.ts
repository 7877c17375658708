import assert from "node:assert/strict";
import { createKeepBudget } from "../../../src/proxy/continuation/keep_budget.ts";
import { KeptStream } from "../../../src/proxy/continuation/kept_stream.ts";
import { whyNot } from "../../../src/proxy/continuation/refusal.ts";

function keptWith(promptIds: string | undefined, body: unknown = {}): KeptStream {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const kept = new KeptStream("chat", false, bytes, createKeepBudget());
  kept.promptIds = promptIds;
  kept.identity = { id: "1", created: 1, model: "m" };
  return kept;
}

Deno.test("a chat of gpt-oss is refused: its parser would take the rest of a message for its header", () => {
  assert.equal(whyNot(keptWith("200006,17360,200008,3575")), "harmony");
  assert.equal(whyNot(keptWith("1,2000061,200008")), undefined);
});

Deno.test("a stream is refused without the ids of its prompt, or if it is lost", () => {
  assert.equal(whyNot(keptWith(undefined)), "no_ids");
  const lost = keptWith("1,2");
  lost.drop();
  assert.equal(whyNot(lost), "no_ids");
});

Deno.test("a body that only its server could read is refused", () => {
  const body = new TextEncoder().encode('{"temperature":NaN}');
  const kept = new KeptStream("chat", false, body, createKeepBudget());
  Object.assign(kept, { promptIds: "1", identity: { id: "1", created: 1, model: "m" } });
  assert.equal(whyNot(kept), "special_input");
});

Deno.test("parts of a message that are all text don't refuse it, any other part does", () => {
  const said = (...types: string[]) => ({
    messages: [{ content: types.map((type) => ({ type })) }],
  });
  assert.equal(whyNot(keptWith("1", said("text", "text"))), undefined);
  assert.equal(whyNot(keptWith("1", said("text", "input_audio"))), "media");
});
