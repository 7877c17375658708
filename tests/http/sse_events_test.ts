import assert from "node:assert/strict";
import fc from "fast-check";
import { nextEvent } from "../../src/http/sse_events.ts";
import { errorStatusOf } from "../../src/vllm/error_event.ts";
import { clientsEventsIn, eventsIn } from "../support/events.ts";
import { numRuns } from "../support/property.ts";

const dataOf = (text: string) => [...eventsIn(text)].map(({ data }) => data);

for (
  const [what, text, expected] of [
    ["one event", "data: a\n\n", ["a"]],
    ["an event without a space", "data:a\n\n", ["a"]],
    ["only the first space belongs to the field", "data:  a \n\n", [" a "]],
    ["several", "data: a\n\ndata: b\n\n", ["a", "b"]],
    ["lines of one event are joined", "data: a\ndata: b\n\n", ["a\nb"]],
    ["an empty line of data is data", "data:\n\n", [""]],
    ["a line without a colon is a field without a value", "data\ndata: b\n\n", ["\nb"]],
    ["comments are not events", ": ping\n\n: pong\n\ndata: a\n\n", ["a"]],
    ["fields without data are not an event", "event: ping\nid: 1\n\ndata: a\n\n", ["a"]],
    ["fields other than data are ignored", "event: x\ndata: a\nid: 1\nretry: 2\n\n", ["a"]],
    ["blank lines are ignored", "\n\n\ndata: a\n\n\n\ndata: b\n\n", ["a", "b"]],
    ["an unterminated event is not an event", "data: a\n\ndata: b\n", ["a"]],
    ["lines that resemble data but aren't", "dat: a\n data: b\nmetadata: c\n\n", []],
    ["nothing", "", []],
  ] as const
) {
  for (const [name, ending] of [["LF", "\n"], ["CRLF", "\r\n"], ["CR", "\r"]] as const) {
    Deno.test(`${what}, with ${name} line endings`, () => {
      // An LF may follow a lone CR, so the last event needs something after it.
      const more = ending === "\r" ? ":" : "";
      assert.deepEqual(dataOf(text.replaceAll("\n", ending) + more), expected);
    });
  }
}

Deno.test("an event that ends in a lone CR waits for the next byte, which may be an LF", () => {
  assert.equal(nextEvent("data: a\r\n\r"), undefined);
  assert.deepEqual(nextEvent("data: a\r\n\r\n"), { name: undefined, data: "a", end: 11 });
  assert.deepEqual(nextEvent("data: a\r\rdata"), { name: undefined, data: "a", end: 9 });
});

Deno.test("an event has its end offset, and the next search starts there", () => {
  const text = ": ping\n\ndata: a\n\ndata: b\r\n\r\nrest";
  const first = nextEvent(text)!;
  assert.equal(text.slice(first.end), "data: b\r\n\r\nrest");
  const second = nextEvent(text, first.end)!;
  assert.equal(second.data, "b");
  assert.equal(text.slice(second.end), "rest");
  assert.equal(nextEvent(text, second.end), undefined);
});

const content = fc.string({ unit: "binary", maxLength: 12 }).map((text) =>
  text.replace(/[\r\n]/g, "·")
);
const event = fc.record({
  data: fc.array(content, { minLength: 1, maxLength: 3 }),
  before: fc.array(
    fc.oneof(
      content.map((text) => `: ${text}`),
      fc.constantFrom("event: message", "id: 7", "retry: 10", "datum: 1", "event", ":"),
    ),
    { maxLength: 3 },
  ),
});
const ending = fc.constantFrom("\n", "\r\n", "\r");

Deno.test("the same events are found with any line endings", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 5 }), fc.infiniteStream(ending), (events, endings) => {
      let text = "";
      for (const { data, before } of events) {
        const lines = [...before, ...data.map((line) => `data: ${line}`), ""];
        for (const line of lines) {
          let end: string = endings.next().value;
          // An adjacent CR and LF are one line ending, not two.
          if (line === "" && end === "\n" && text.endsWith("\r")) end = "\r\n";
          text += line + end;
        }
      }
      assert.deepEqual(dataOf(`${text}:`), events.map(({ data }) => data.join("\n")));
    }),
    { numRuns },
  );
});

Deno.test("however a stream is split, its first event is found as soon as it is complete", () => {
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 3 }),
      ending,
      fc.array(fc.nat(200), { maxLength: 8 }),
      (events, ending, cuts) => {
        const text = events.flatMap(({ data, before }) => [
          ...before,
          ...data.map((line) => `data:${line}`),
          "",
          "",
        ]).join(ending) + ":";
        const whole = nextEvent(text)!;
        assert.ok(whole);
        for (const cut of cuts) {
          const found = nextEvent(text.slice(0, cut));
          if (found) assert.deepEqual(found, whole);
          // The LF of a final CRLF may still be missing.
          else assert.ok(cut <= whole.end, `${cut} of ${whole.end}`);
        }
      },
    ),
    { numRuns },
  );
});

Deno.test("the same events are found as by a client's package, whatever the line endings", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 5 }), ending, (events, ending) => {
      const text = events.flatMap(({ data, before }) => [
        ...before,
        ...data.map((line) => `data:${line}`),
        "",
        "",
      ]).join(ending) + ":";
      assert.deepEqual(
        [...eventsIn(text)].map(({ name, data }) => ({ name, data })),
        clientsEventsIn(text),
      );
    }),
    { numRuns },
  );
});

const anyText = fc.array(
  fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("data:", "data: ", "\n", "\r", "\r\n", "[DONE]", "\uFEFF"),
    fc.json().map((json) => `data: {"error":${json}}\n\n`),
  ),
  { maxLength: 12 },
).map((parts) => parts.join(""));

Deno.test("no text makes parsing throw, and events don't overlap", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      let last = 0;
      for (const { data, end } of eventsIn(text)) {
        assert.ok(end > last && end <= text.length);
        assert.ok(!data.includes("\r"));
        last = end;
        errorStatusOf(data);
      }
    }),
    { numRuns },
  );
});
