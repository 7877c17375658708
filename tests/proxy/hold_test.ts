import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../../src/proxy/bytes.ts";
import { type Held, holdBody, holdEvent } from "../../src/proxy/hold.ts";
import { numRuns } from "../support/property.ts";
import { cutAt, type Pieces, piecesOf } from "./pieces.ts";

const encoder = new TextEncoder();
const MIB = 1024 * 1024;
const TOKEN = `data: {"choices":[{"delta":{"content":"Grüße"}}]}\n\n`;
const ERROR = `data: {"error":{"message":"m","type":"InternalServerError","code":500}}\n\n`;

const textOf = ({ body }: Held) => new TextDecoder().decode(body);

/** All that a client would get: what was held, then the rest. */
async function allOf({ body, rest }: Held): Promise<Uint8Array> {
  const chunks = [body];
  for (let chunk = await rest?.read(); chunk; chunk = await rest?.read()) chunks.push(chunk);
  return concat(chunks);
}

Deno.test("a body is held to its end, in one piece", async () => {
  const held = await holdBody(piecesOf(["one ", "two ", "three"]));
  assert.equal(textOf(held), "one two three");
  assert.equal(held.rest, undefined);
});

Deno.test("an empty body is held too", async () => {
  assert.deepEqual(await holdBody(piecesOf([])), { body: new Uint8Array(), rest: undefined });
});

Deno.test("of a long body the first MiB is held, its end not waited for", async () => {
  const upstream = piecesOf([new Uint8Array(MIB - 1), new Uint8Array(7), "more"], {
    breaks: true,
  });
  const held = await holdBody(upstream);
  assert.equal(held.body.length, MIB + 6);
  assert.equal(held.rest, upstream);
  assert.equal(upstream.left(), 1);
});

Deno.test("a body that breaks before its end is no answer", async () => {
  await assert.rejects(holdBody(piecesOf(["one "], { breaks: true })), /broken/);
});

Deno.test("a stream is held up to its first event and no further", async () => {
  const upstream = piecesOf([TOKEN.slice(0, 9), TOKEN.slice(9), TOKEN], { breaks: true });
  const held = await holdEvent(upstream);
  assert.equal(textOf(held), TOKEN);
  assert.equal(held.errorStatus, undefined);
  assert.equal(held.rest, upstream);
  assert.equal(upstream.left(), 1);
});

Deno.test("comments and fields are no event, and are passed on with the first", async () => {
  const upstream = piecesOf([": ping\n\n", "event: message\n", TOKEN, TOKEN]);
  const held = await holdEvent(upstream);
  assert.equal(textOf(held), `: ping\n\nevent: message\n${TOKEN}`);
  assert.equal(upstream.left(), 1);
});

for (
  const [what, pieces, breaks] of [
    ["breaks before its first event", [TOKEN.slice(0, 9)], true],
    ["ends before its first event", [TOKEN.slice(0, 9)], false],
    ["ends after comments alone", [": ping\n\n", ": ping\n\n"], false],
    ["is empty", [], false],
  ] as [string, string[], boolean][]
) {
  Deno.test(`a stream that ${what} is no answer`, async () => {
    await assert.rejects(holdEvent(piecesOf(pieces, { breaks })));
  });
}

Deno.test("a first event that is an error tells its status, a later one doesn't", async () => {
  assert.equal((await holdEvent(piecesOf([ERROR, TOKEN]))).errorStatus, 500);
  assert.equal((await holdEvent(piecesOf([`: ping\n\n${ERROR}`]))).errorStatus, 500);
  assert.equal((await holdEvent(piecesOf([TOKEN + ERROR]))).errorStatus, undefined);
});

Deno.test("what tells of a request and not of its answer is no first event, in whatever pieces", async () => {
  const event = (type: string, more = {}) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const long = { response: { instructions: "x".repeat(200_000) } };
  const before = event("response.created", long) + event("response.queued") +
    event("response.in_progress", long);
  const failed = event("response.failed", { response: { error: { code: "server_error" } } });
  for (const piece of [100, 7_000, 1_000_000]) {
    const pieces = (text: string) => text.match(new RegExp(`[^]{1,${piece}}`, "g"))!;
    const added = event("response.output_item.added");
    const held = await holdEvent(piecesOf([...pieces(before), added, event("more")]));
    assert.equal(textOf(held), before + added);
    assert.equal((await holdEvent(piecesOf(pieces(before + failed)))).errorStatus, 500);
    await assert.rejects(holdEvent(piecesOf(pieces(before))), "it ended before its answer");
  }
});

Deno.test("where much of a stream came without an event it is passed on as it is", async () => {
  const line = `: ${"x".repeat(1_000)}\n`;
  const upstream: Pieces = piecesOf(Array(1_000).fill(line));
  const held = await holdEvent(upstream);
  assert.ok(held.body.length >= 256 * 1024 && held.body.length < 258 * 1024, `${held.body.length}`);
  assert.equal(held.errorStatus, undefined);
  assert.equal(held.rest, upstream);
});

Deno.test("however a stream comes, all of it is passed on and its first event is judged", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("\n", "\r\n"),
      fc.constantFrom("", ": ping\n\n", "event: error\n", "\n\n"),
      fc.constantFrom(TOKEN, ERROR),
      fc.array(fc.constantFrom(TOKEN, ERROR, "data: [DONE]\n\n"), { maxLength: 3 }),
      fc.array(fc.nat(1_000), { maxLength: 12 }),
      async (ending, before, first, more, places) => {
        const text = [before, first, ...more].join("").replaceAll("\n", ending);
        const bytes = encoder.encode(text);
        const held = await holdEvent(piecesOf(cutAt(bytes, places)));
        assert.equal(held.errorStatus, first === ERROR ? 500 : undefined);
        assert.deepEqual(await allOf(held), bytes);
      },
    ),
    { numRuns },
  );
});

Deno.test("of comments as many are held as of anything else, and then passed on", async () => {
  const upstream = piecesOf(Array(20_000).fill(`: ${"x".repeat(76)}\n\n`));
  const held = await holdEvent(upstream);
  assert.ok(held.body.length >= MIB && held.body.length < MIB + 100, `${held.body.length}`);
  assert.equal(held.rest, upstream);
});
