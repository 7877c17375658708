import assert from "node:assert/strict";
import fc from "fast-check";
import type { Upstream } from "../../../src/http/upstream.ts";
import { answerAs } from "../../../src/proxy/attempt/answer_as.ts";
import { assertLinear } from "../../support/linear.ts";
import { numRuns } from "../../support/property.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function upstreamOf(pieces: readonly Uint8Array<ArrayBuffer>[], type: string): Upstream {
  const left = [...pieces];
  return {
    head: () => Promise.resolve({ status: 200, headers: new Headers({ "content-type": type }) }),
    read: () => Promise.resolve(left.shift()),
    close() {},
  };
}

async function read(text: string, type: string, name: string, cuts: readonly number[] = []) {
  const bytes = encoder.encode(text);
  const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  const pieces = at.slice(1).map((end, i) => bytes.slice(at[i], end)).filter((p) => p.length > 0);
  const upstream = answerAs(name, upstreamOf(pieces, type));
  await upstream.head();
  let out = "";
  for (let part = await upstream.read(); part; part = await upstream.read()) {
    out += decoder.decode(part, { stream: true });
  }
  return out;
}

const EVENTS = [
  'data: {"id":"1","model":"m/served","choices":[{"delta":{"content":"a \\"model\\":\\"x\\""}}]}\n\n',
  ': comment "model":"m/served"\n\n',
  'event: message_start\ndata: {"type":"message_start","message":{"id":"1","model": "m/served"}}\n\n',
  'event: response.created\r\ndata: {"response":{"metadata":{"a":{"model":"deep"}},"model":"m/served"}}\r\n\r\n',
  'data: {"id":"1","object":"x","model":"m/served","usage":{}}\n\n',
  'data: {"type":"content_block_delta","delta":{"text":"model"}}\n\n',
  "data: [DONE]\n\n",
];

Deno.test("events name the model as asked, wherever they are split, and nothing else changes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...EVENTS), { maxLength: 8 }),
      fc.constantFrom("x", "a far longer name", 'q"uote'),
      fc.array(fc.nat(600), { maxLength: 6 }),
      async (events, name, cuts) => {
        const expected = events.map((event) =>
          event.startsWith(":") ? event : event.replace('"m/served"', JSON.stringify(name))
        ).join("");
        assert.equal(await read(events.join(""), "text/event-stream", name, cuts), expected);
      },
    ),
    { numRuns: numRuns / 4 },
  );
});

Deno.test("a document names the model as asked, wherever it is split", async () => {
  const document = '{"id": "1", "metadata":{"model":"theirs"}, "model" : "m", "text":"ü model"}';
  const expected = document.replace('"m"', '"name"');
  for (let cut = 0; cut < document.length; cut++) {
    assert.equal(await read(document, "application/json", "name", [cut]), expected);
  }
});

Deno.test("a document without a model, and anything but JSON, stays as it is", async () => {
  for (const text of ["", "[]", '{"text":"model"}', '{"model":5}', '{"model":"cut']) {
    assert.equal(await read(text, "application/json", "name", [3]), text);
    assert.equal(await read('{"model":"m"}', "text/plain", "name"), '{"model":"m"}');
  }
});

Deno.test("the name behind a short event is not looked for where it stood in a longer one", async () => {
  const first = 'data: {"model":"m"}\n\n';
  const rest = ':c\n\ndata: {"b":"m","model":"m"}\n\n';
  const expected = 'data: {"model":"n"}\n\n:c\n\ndata: {"b":"m","model":"n"}\n\n';
  assert.equal(await read(first + rest, "text/event-stream", "n", [first.length]), expected);
});

Deno.test("the time for a document in small pieces grows with its size", async () => {
  const document = (size: number) => `{"data":[${"1,".repeat(size / 2)}1],"model":"m"}`;
  const cuts = (size: number) => Array.from({ length: size / 16 }, (_, i) => 16 * i);
  await assertLinear((size) => read(document(size), "application/json", "n", cuts(size)), 8_192);
});
