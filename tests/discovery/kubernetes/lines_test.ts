import assert from "node:assert/strict";
import { linesOf, textOf } from "../../../src/discovery/kubernetes/lines.ts";
import { until } from "../../support/until.ts";

const NEVER = new AbortController().signal;

/** A body that comes in these pieces, and then ends or stays open. */
function bodyOf(pieces: readonly Uint8Array[], stays = false) {
  let isCancelled = false;
  const left = [...pieces];
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      if (next) controller.enqueue(next);
      else if (!stays) controller.close();
      else return new Promise(() => {});
    },
    cancel: () => void (isCancelled = true),
  });
  return { response: new Response(stream), isCancelled: () => isCancelled };
}

const encode = (text: string) => new TextEncoder().encode(text);

async function all(pieces: readonly Uint8Array[], maxBytes = 100): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(bodyOf(pieces).response, maxBytes, NEVER)) lines.push(line);
  return lines;
}

Deno.test("lines are the same however the body is cut into pieces", async () => {
  const text = 'one\n\n{"two":"zwölf"}\r\nthree';
  const expected = ["one", '{"two":"zwölf"}', "three"];
  assert.deepEqual(await all([encode(text)]), expected);
  assert.deepEqual(await all([...encode(text)].map((byte) => Uint8Array.of(byte))), expected);
});

Deno.test("a line may be as long as allowed, and no longer", async () => {
  assert.deepEqual(await all([encode("12345\n123"), encode("45")], 5), ["12345", "12345"]);
  await assert.rejects(all([encode("12345\n123"), encode("456")], 5), RangeError);
  await assert.rejects(all([encode("123456\n")], 5), RangeError);
});

Deno.test("a signal ends the lines of a body that stays open, and closes it", async () => {
  const { response, isCancelled } = bodyOf([encode("one\ntw")], true);
  const stopping = new AbortController();
  const lines: string[] = [];
  const ended = (async () => {
    for await (const line of linesOf(response, 100, stopping.signal)) lines.push(line);
  })();
  await until("the first line came", () => lines.length === 1);
  stopping.abort();
  await ended;
  assert.equal(isCancelled(), true);
  assert.deepEqual(lines, ["one"]);
});

Deno.test("a caller that stops closes the body", async () => {
  const { response, isCancelled } = bodyOf([encode("one\ntwo\n")], true);
  for await (const line of linesOf(response, 100, NEVER)) if (line === "one") break;
  assert.equal(isCancelled(), true);
});

Deno.test("a whole body is read up to its limit", async () => {
  const pieces = [encode("12"), encode("345")];
  assert.equal(await textOf(bodyOf(pieces).response, 5, NEVER), "12345");
  const { response, isCancelled } = bodyOf(pieces, true);
  await assert.rejects(textOf(response, 4, NEVER), RangeError);
  assert.equal(isCancelled(), true);
});
