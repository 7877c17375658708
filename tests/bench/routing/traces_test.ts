import assert from "node:assert/strict";
import { timed } from "../../../bench/routing/request.ts";
import { draftsOf, parseTrace, partOf } from "../../../bench/routing/traces.ts";

const CSV = `TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2224670,879,55
`;

const JSON_LINES = `
{"timestamp": 3000, "input_length": 1100, "output_length": 500, "hash_ids": [0, 1, 2]}
{"timestamp": 3000, "input_length": 1500, "output_length": 3, "hash_ids": [0, 1, 3]}
{"timestamp": 6000, "input_length": 1030, "output_length": 20, "hash_ids": [0, 4, 5]}
`;

Deno.test("a CSV trace is read, from its first request on", () => {
  assert.deepEqual(parseTrace(CSV), [
    { atMs: 0, promptTokens: 374, answerTokens: 44 },
    { atMs: 4315, promptTokens: 396, answerTokens: 109 },
    { atMs: 4542, promptTokens: 879, answerTokens: 55 },
  ]);
});

Deno.test("a trace of JSON lines is read with its blocks", () => {
  assert.deepEqual(parseTrace(JSON_LINES)[1], {
    atMs: 0,
    promptTokens: 1500,
    answerTokens: 3,
    blocks: [0, 1, 3],
  });
});

Deno.test("a line that is no request is named", () => {
  assert.throws(() => parseTrace(`${CSV}what\n`), /^Error: Line 5 of the trace .*: what$/);
  assert.throws(() => parseTrace(`{"timestamp": 1}\n`), /^Error: Line 1 of the trace/);
});

Deno.test("prompts are as long as in the trace, to the token", () => {
  for (const text of [CSV, JSON_LINES]) {
    const rows = parseTrace(text);
    const lengths = draftsOf(rows).map((draft) => timed(draft, 0).prompt.length).toArray();
    assert.deepEqual(lengths, rows.map(({ promptTokens }) => promptTokens));
  }
});

Deno.test("each seed begins elsewhere in a trace, whose end goes on with its beginning", () => {
  const rows = Array.from({ length: 3_000 }, (_, i) => {
    return { atMs: 10 * i, promptTokens: i, answerTokens: 1 };
  });
  const parts = [1, 2, 3].map((seed) => partOf(rows, seed));
  assert.deepEqual(parts.map(([first]) => first!.promptTokens), [1_200, 2_400, 600]);
  for (const part of parts) {
    assert.equal(new Set(part.map(({ promptTokens }) => promptTokens)).size, 3_000);
    assert.ok(part.every(({ atMs }, i) => i === 0 || atMs >= part[i - 1]!.atMs));
  }
});

Deno.test("equal blocks are equal text, and what has none shares nothing", () => {
  const shared = (text: string, one: number, other: number) => {
    const all = draftsOf(parseTrace(text)).map((draft) => timed(draft, 0).blockHashes).toArray();
    return all[one]!.findIndex((hash, index) => hash !== all[other]![index]);
  };
  // Two blocks of 512 tokens and the chat's form before them are 64 of 16, and a part.
  assert.equal(shared(JSON_LINES, 0, 1), 64);
  assert.equal(shared(JSON_LINES, 0, 2), 32);
  assert.equal(shared(CSV, 0, 1), 0);
});
