import assert from "node:assert/strict";
import fc from "fast-check";
import { TAIL_BYTES, type Usage, usageIn } from "../../src/vllm/usage.ts";
import { numRuns } from "../support/property.ts";

const encoder = new TextEncoder();
const read = (text: string) => usageIn(encoder.encode(text));

Deno.test("the usage of a JSON document is read", () => {
  assert.deepEqual(
    read(`{"id":"1","choices":[{"message":{"content":"Hi"}}],
      "usage": {"prompt_tokens": 7, "total_tokens": 10, "completion_tokens": 3,
      "prompt_tokens_details": {"cached_tokens": 4}}, "service_tier": null}`),
    { promptTokens: 7, completionTokens: 3, cachedTokens: 4 },
  );
});

Deno.test("the usage of a stream is that of the last event with one", () => {
  const event = (usage: unknown) => `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
  const last = event({ prompt_tokens: 7, completion_tokens: 3 });
  const text = event(null) + event({ prompt_tokens: 7, completion_tokens: 1 }) + last;
  assert.deepEqual(read(`${text}data: [DONE]\n\n`), { promptTokens: 7, completionTokens: 3 });
  assert.deepEqual(read(`${last}${event(null)}`), { promptTokens: 7, completionTokens: 3 });
});

Deno.test("the field names of responses and messages are known", () => {
  const usage = { promptTokens: 7, completionTokens: 3 };
  assert.deepEqual(
    read(`event: response.completed
data: {"response":{"usage":{"input_tokens":7,"output_tokens":3,"output_tokens_details":{}}}}\n\n`),
    usage,
  );
  assert.deepEqual(read(`{"usage":{"input_tokens":7,"output_tokens":3}}`), usage);
});

Deno.test("Anthropic's API counts cached tokens of a prompt apart, Cohere's counts within tokens", () => {
  assert.deepEqual(
    read(`{"usage":{"input_tokens":7,"output_tokens":3,"cache_read_input_tokens":90,
      "cache_creation_input_tokens":null}}`),
    { promptTokens: 97, completionTokens: 3, cachedTokens: 90 },
  );
  assert.deepEqual(
    read(`{"usage":{"billed_units":{},"tokens":{"input_tokens":7,"output_tokens":3}}}`),
    { promptTokens: 7, completionTokens: 3 },
  );
});

Deno.test("cached tokens are known only where a server tells them as a plausible number", () => {
  const cached = (details: unknown, name = "prompt_tokens_details") =>
    read(JSON.stringify({ usage: { prompt_tokens: 7, completion_tokens: 3, [name]: details } }))!
      .cachedTokens;
  assert.equal(cached({ cached_tokens: 4, created_cache_tokens: 2 }), 4);
  assert.equal(cached({ cached_tokens: 4 }, "input_tokens_details"), 4);
  for (const details of [null, {}, { cached_tokens: null }, { cached_tokens: -1 }, "4", [4]]) {
    assert.equal(cached(details), undefined);
  }
});

Deno.test("tokens of reasoning are known where a server tells them", () => {
  const details = { reasoning_tokens: 2 };
  const chat = { prompt_tokens: 7, completion_tokens: 3, completion_tokens_details: details };
  const response = { input_tokens: 7, output_tokens: 3, output_tokens_details: details };
  const usage = { promptTokens: 7, completionTokens: 3, reasoningTokens: 2 };
  for (const told of [chat, response]) {
    assert.deepEqual(read(JSON.stringify({ usage: told })), usage);
  }
  for (const wrong of [null, { reasoning_tokens: null }, { reasoning_tokens: "2" }]) {
    const told = { ...chat, completion_tokens_details: wrong };
    assert.equal(read(JSON.stringify({ usage: told }))!.reasoningTokens, undefined);
  }
});

Deno.test("an answer that generates nothing has prompt tokens only", () => {
  assert.deepEqual(read(`{"data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}`), {
    promptTokens: 7,
    completionTokens: 0,
  });
});

Deno.test("an answer without usage gives undefined", () => {
  for (
    const text of [
      "",
      "{}",
      `{"usage":null}`,
      `{"usage":{}}`,
      `{"usage":{"prompt_tokens":"7"}}`,
      `{"usage":{"prompt_tokens":7`,
      `{"usage":7}`,
      `{"usage":`,
      `"usage":{{}`,
      `"usage":[{"prompt_tokens":7}]`,
    ]
  ) assert.equal(read(text), undefined, text);
});

Deno.test("generated text is not mistaken for usage", () => {
  const content = `"usage":{"prompt_tokens":1000,"completion_tokens":1000}`;
  assert.equal(read(JSON.stringify({ choices: [{ message: { content } }] })), undefined);
  const usage = { prompt_tokens: 7, completion_tokens: 3 };
  for (const document of [{ usage, content }, { content, usage }]) {
    assert.deepEqual(read(JSON.stringify(document)), { promptTokens: 7, completionTokens: 3 });
  }
});

Deno.test("only an answer's end is searched", () => {
  const usage = `{"usage":{"prompt_tokens":7,"completion_tokens":3}}`;
  assert.ok(read(usage + " ".repeat(TAIL_BYTES - usage.length)));
  assert.equal(read(usage + " ".repeat(TAIL_BYTES)), undefined);
});

Deno.test("no input makes it throw", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.constantFrom('"usage":', "{", "}", '"prompt_tokens":', "1", '"', "null", "[", "\\", ",")
      .map((text) => encoder.encode(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const usage = usageIn(new Uint8Array(pieces.flatMap((bytes) => [...bytes])));
      if (usage === undefined) return;
      assert.equal(typeof usage.promptTokens, "number");
      assert.equal(typeof usage.completionTokens, "number");
    }),
    { numRuns },
  );
});

Deno.test("usage is found whatever surrounds it, even if the tail starts within a character", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const count = fc.nat(100_000_000);
  fc.assert(
    fc.property(
      fc.record({ promptTokens: count, completionTokens: count }, { noNullPrototype: true }),
      text,
      text,
      fc.nat(60),
      (expected: Usage, content, after, cut) => {
        const usage = {
          prompt_tokens: expected.promptTokens,
          completion_tokens: expected.completionTokens,
          details: { cached_tokens: 1 },
        };
        const before = encoder.encode(JSON.stringify({ content }) + "\n");
        const bytes = encoder.encode(
          `data: ${JSON.stringify({ usage, after })}\n\ndata: [DONE]\n\n`,
        );
        // Cut anywhere in the preceding text, even within a character.
        const tail = [...before.slice(Math.min(cut, before.length)), ...bytes];
        assert.deepEqual(usageIn(new Uint8Array(tail)), expected);
      },
    ),
    { numRuns },
  );
});

Deno.test("invalid counts are ignored", () => {
  for (const count of ["-1", "1.5", '"7"', "1e400", "1e15", "100000001", "null", "[1]"]) {
    const text = `{"usage":{"prompt_tokens":3,"completion_tokens":${count}}}`;
    const usage = usageIn(new TextEncoder().encode(text));
    if (count === "null") assert.deepEqual(usage, { promptTokens: 3, completionTokens: 0 });
    else assert.equal(usage, undefined, count);
  }
});
