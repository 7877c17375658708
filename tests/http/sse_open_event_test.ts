import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../../src/util/bytes.ts";
import { openEvent } from "../../src/http/sse_open_event.ts";
import { numRuns } from "../support/property.ts";
import { cutAt } from "../support/pieces.ts";
import { assertLinear } from "../support/linear.ts";

const encoder = new TextEncoder();
const textOf = (bytes: Uint8Array | string) =>
  typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);

/** The result of adding each of the chunks. */
function added(...pieces: string[]): string[] {
  const event = openEvent();
  return pieces.map((piece) => textOf(event.add(encoder.encode(piece))));
}

for (
  const [what, pieces, expected] of [
    ["whole events at once", ["data: a\n\n", "data: b\n\n"], ["data: a\n\n", "data: b\n\n"]],
    ["two in one", ["data: a\n\ndata: b\n\n"], ["data: a\n\ndata: b\n\n"]],
    ["an event in three", ["da", "ta: a\n", "\n"], ["not_whole", "not_whole", "data: a\n\n"]],
    ["an event and a half", ["data: a\n\ndat", "a: b\n\n"], ["data: a\n\n", "data: b\n\n"]],
    ["a half and two", ["da", "ta: a\n\n: c\n\nd"], ["not_whole", "data: a\n\n: c\n\n"]],
    ["lines that end in two bytes", ["a\r\n\r", "\nb"], ["not_whole", "a\r\n\r\n"]],
    ["a split line ending", ["a\r", "\n\r\n"], ["not_whole", "a\r\n\r\n"]],
    ["lines that end in a \\r", ["a\r\r", "b"], ["not_whole", "a\r\r"]],
    ["comments", [": c\n\n: d\n\n"], [": c\n\n: d\n\n"]],
    ["nothing", ["", "a", ""], ["not_whole", "not_whole", "not_whole"]],
  ] satisfies [string, string[], string[]][]
) {
  Deno.test(`${what}: complete events are returned from their start`, () => {
    assert.deepEqual(added(...pieces), expected);
  });
}

Deno.test("the length of the open event is reported", () => {
  const event = openEvent();
  const lengths = ["da", "ta: a\n\nda", "ta", "\n\n"].map((piece) => {
    event.add(encoder.encode(piece));
    return event.length;
  });
  assert.deepEqual(lengths, [2, 2, 4, 0]);
});

Deno.test("an event over 1 MiB is too long; a smaller one isn't", () => {
  for (const [size, expected] of [[1_000_000, "not_whole"], [1_100_000, "too_long"]] as const) {
    const event = openEvent();
    let found: ReturnType<typeof event.add> = "not_whole";
    for (let at = 0; at < size; at += 50_000) found = event.add(new Uint8Array(50_000).fill(120));
    assert.equal(found, expected);
  }
});

Deno.test("a long event in single bytes takes linear time", async () => {
  await assertLinear((bytes) => {
    const event = openEvent();
    for (let i = 0; i < bytes; i++) event.add(encoder.encode(i % 2 === 0 ? "x" : "\n"));
  }, 30_000);
});

Deno.test("however a stream is split, no bytes are lost or duplicated, and events stay whole", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("data: a", ": c", "event: e", "", "Grüße")),
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.array(fc.nat(200), { maxLength: 20 }),
      (lines, ending, places) => {
        const bytes = encoder.encode(lines.map((line) => line + ending).join("") + ".");
        const event = openEvent();
        const whole: Uint8Array<ArrayBuffer>[] = [];
        for (const piece of cutAt(bytes, places)) {
          const events = event.add(piece);
          if (typeof events === "string") continue;
          whole.push(events.slice());
          assert.ok(textOf(events).endsWith(ending));
        }
        const all = concat(whole);
        assert.equal(all.length + event.length, bytes.length);
        assert.deepEqual(all, bytes.subarray(0, all.length));
        const rest = textOf(bytes.subarray(all.length));
        assert.ok(!rest.includes(ending + ending), JSON.stringify(rest));
      },
    ),
    { numRuns },
  );
});
