import assert from "node:assert/strict";
import fc from "fast-check";
import type { Upstream } from "../../../src/http/upstream.ts";
import { createKeepBudget } from "../../../src/proxy/continuation/keep_budget.ts";
import { keepEvents } from "../../../src/proxy/continuation/keep_events.ts";
import { KeptStream } from "../../../src/proxy/continuation/kept_stream.ts";
import { tapEvents } from "../../../src/proxy/sse/tap_events.ts";
import { numRuns } from "../../support/property.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A chat's events as vLLM 0.32 sends them, with these lists of ids. */
function chat(prompt: string, tokens: readonly (readonly [text: string, ids: string])[]): string {
  const event = (choice: string, more = "") =>
    `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795826416,` +
    `"model":"m","choices":[{"index":0,${choice}}]${more}}\n\n`;
  return event(
    `"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null`,
    `,"prompt_token_ids":${prompt},"prompt_text":null`,
  ) + tokens.map(([text, ids]) =>
    event(
      `"delta":{"content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null,` +
        `"token_ids":${ids}`,
    )
  ).join("") + event(
    `"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":[2]`,
  ).replace("[2]", tokens.some(([, ids]) => ids === "null") ? "null" : "[2]") + "data: [DONE]\n\n";
}

function keep(asksIds = false, budget = createKeepBudget()): KeptStream {
  return new KeptStream("chat", asksIds, encoder.encode("{}"), budget);
}

/** Reads an event stream that comes in these pieces through a tap. */
async function tapped(kept: KeptStream, pieces: readonly Uint8Array<ArrayBuffer>[]) {
  const left = [...pieces];
  const headers = new Headers({ "content-type": "text/event-stream" });
  const upstream: Upstream = {
    head: () => Promise.resolve({ status: 200, headers }),
    read: () => Promise.resolve(left.shift()),
    close() {},
  };
  const tap = tapEvents(upstream, (events) => keepEvents(kept, events), () => kept.drop());
  await tap.head();
  let text = "";
  for (let read = await tap.read(); read; read = await tap.read()) text += decoder.decode(read);
  return text;
}

const TOKENS = [[" a", "[5]"], ['"token_ids":[1]', "[10,300]"], ["ü🙂\\", "[77777]"]] as const;
const asked = chat("[1,2,3]", TOKENS);
const plain = chat("null", TOKENS.map(([text]) => [text, "null"] as const));

Deno.test("wherever a stream is split, its client gets the bytes of one without token ids", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(asked.length), { maxLength: 8 }), async (cuts) => {
      const bytes = encoder.encode(asked);
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const kept = keep();
      const pieces = at.slice(1).map((end, i) => bytes.slice(at[i], end)).filter((piece) =>
        piece.length > 0
      );
      assert.equal(await tapped(kept, pieces), plain);
      assert.equal(kept.idsSoFar(), "1,2,3,5,10,300,77777");
      assert.equal(kept.allTokens, 5);
      assert.equal(kept.hasFinished, true);
      assert.equal(kept.text(), ' a"token_ids":[1]ü🙂\\');
      assert.deepEqual(kept.identity, { id: "chatcmpl-1", created: 1795826416, model: "m" });
    }),
    { numRuns: numRuns / 4 },
  );
});

Deno.test("a client that asks for ids gets them", async () => {
  assert.equal(await tapped(keep(true), [encoder.encode(asked)]), asked);
});

Deno.test("an event that has nothing but ids is left out, and its tokens are held back until text follows", async () => {
  const empty = '"delta":{"content":""},"logprobs":null,"finish_reason":null';
  const held = chat("[1]", [["a", "[5]"], ["", "[6]"], ["b", "[7]"]])
    .replace(empty, empty.replace('{"content":""}', "{}"));
  const beginning = held.split("\n\n").slice(0, 3).map((event) => `${event}\n\n`).join("");
  const kept = keep();
  const text = await tapped(kept, [encoder.encode(beginning)]);
  assert.ok(!text.includes('"delta":{}'));
  assert.deepEqual([kept.sentTokens, kept.allTokens], [1, 2]);
  kept.cut();
  assert.deepEqual([kept.sentTokens, kept.allTokens, kept.idsSoFar()], [1, 1, "1,5"]);
});

Deno.test("a stream is not kept whose events lack ids, or don't end as vLLM's do", async () => {
  const without = keep();
  await tapped(without, [encoder.encode(chat("[1]", [["a", "[5]"], ["b", "null"]]))]);
  assert.equal(without.isLost, true);
  const rewritten = keep();
  await tapped(rewritten, [encoder.encode(asked.replaceAll("\n", "\r\n"))]);
  assert.equal(rewritten.isLost, true);
});

Deno.test("without memory a stream is passed on and not kept", async () => {
  const budget = createKeepBudget(100);
  const kept = keep(false, budget);
  assert.equal(await tapped(kept, [encoder.encode(asked)]), plain);
  assert.equal(kept.isLost, true);
  kept.drop();
  assert.equal(budget.take(100), true, "all of it was given back");
});

Deno.test("a stream with an event longer than can be held is passed on unchanged", async () => {
  const long = chat(`[${Array(400_000).fill(12).join()}]`, TOKENS);
  const kept = keep();
  const bytes = encoder.encode(long);
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / 65_536) },
    (_, i) => bytes.slice(i * 65_536, (i + 1) * 65_536),
  );
  assert.equal(await tapped(kept, pieces), long);
  assert.equal(kept.isLost, true);
});
