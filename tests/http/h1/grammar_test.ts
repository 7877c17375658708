import assert from "node:assert/strict";
import fc from "fast-check";
import { numRuns } from "../../support/property.ts";
import { CONTROLS, NOT_TCHAR, request, response, textOf, type Written } from "./grammar.ts";
import { bytesOf, isMessage, parseMessage } from "./parse_message.ts";

const message = fc.oneof(request, response);

function accepted({ start, fields, body, kind }: Written, text: string) {
  return {
    start,
    fields,
    body: bytesOf(body),
    keepsAlive: true,
    untilClose: false,
    end: text.length,
    kind,
  };
}

/** Parses a text; the bytes of another message follow. */
function parsed(kind: Written["kind"], text: string, arrivals?: readonly number[]) {
  const bytes = bytesOf(`${text}GET / HTTP/1.1\r\n`);
  const outcome = parseMessage(kind, bytes, 0, arrivals ?? [bytes.length]);
  return isMessage(outcome) ? { ...outcome, kind } : outcome;
}

Deno.test("a message by the grammar is accepted, with its fields, body and end", () => {
  fc.assert(
    fc.property(message, (written) => {
      const text = textOf(written);
      assert.deepEqual(parsed(written.kind, text), accepted(written, text));
    }),
    { numRuns },
  );
});

Deno.test("a message is read alike byte by byte, and cut in two at every place", () => {
  fc.assert(
    fc.property(message, (written) => {
      const text = textOf(written);
      const expected = accepted(written, text);
      const places = Array.from({ length: text.length }, (_, i) => i);
      assert.deepEqual(parsed(written.kind, text, [...places, text.length]), expected);
      for (const place of places) {
        assert.deepEqual(parsed(written.kind, text, [place]), "incomplete");
        assert.deepEqual(parsed(written.kind, text, [place, text.length]), expected);
      }
    }),
    { numRuns: numRuns / 4 },
  );
});

Deno.test("messages that follow one another are read one by one", () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 2, maxLength: 4 }), (all) => {
      const bytes = bytesOf(all.map(textOf).join(""));
      let from = 0;
      for (const written of all) {
        const outcome = parseMessage("request", bytes, from);
        assert.ok(isMessage(outcome));
        assert.deepEqual(outcome.start, written.start);
        assert.deepEqual(outcome.body, bytesOf(written.body));
        from = outcome.end;
      }
      assert.equal(from, bytes.length);
    }),
    { numRuns },
  );
});

/** Breaks a valid message; `nth` chooses where, `byte` by what. */
type Breakage = (written: Written, nth: number, byte: number) => Written | undefined;

const inserted = (text: string, at: number, what: string) =>
  text.slice(0, at) + what + text.slice(at);
const withLine = (written: Written, at: number, line: string): Written => ({
  ...written,
  lines: written.lines.toSpliced(at, 0, line),
});
/** Changes one field's line. */
function changedField(
  written: Written,
  nth: number,
  change: (line: string) => string,
): Written {
  const at = 1 + nth % (written.lines.length - 1);
  return { ...written, lines: written.lines.with(at, change(written.lines[at]!)) };
}
const chunkedOnly = (written: Written, change: (encoded: string) => string) =>
  written.fields.some(([name]) => name === "transfer-encoding")
    ? { ...written, encoded: change(written.encoded) }
    : undefined;

const BREAKAGES: Readonly<Record<string, Breakage>> = {
  "a control character in a line": (written, nth, byte) => {
    const at = nth % written.lines.length;
    const control = CONTROLS[byte % CONTROLS.length]!;
    const line = written.lines[at]!;
    return {
      ...written,
      lines: written.lines.with(at, inserted(line, byte % (line.length + 1), control)),
    };
  },
  "a character in a name that no token has": (written, nth, byte) =>
    changedField(written, nth, (line) => {
      const names = NOT_TCHAR.filter((character) => character !== ":");
      return inserted(line, byte % (line.indexOf(":") + 1), names[byte % names.length]!);
    }),
  "a field without a name": (written, nth) =>
    changedField(written, nth, (line) => line.slice(line.indexOf(":"))),
  "a line without a colon": (written, nth) =>
    changedField(written, nth, (line) => line.replaceAll(":", "")),
  "a folded line": (written, nth, byte) =>
    changedField(written, nth, (line) => `${byte % 2 ? " " : "\t"}${line}`),
  "a tab after a value": (written, nth) => changedField(written, nth, (line) => `${line} x\t`),
  "a line that ends with LF": (written, nth) => changedField(written, nth, (line) => `${line}\nx:`),
  "a line that ends with CR": (written, nth) => changedField(written, nth, (line) => `${line}\rx:`),
  "a line that ends with CR CR LF": (written, nth) =>
    changedField(written, nth, (line) => `${line}\r`),
  "a second framing": (written, nth) =>
    withLine(written, 1 + nth % written.lines.length, "Transfer-Encoding: gzip"),
  "a second host": (written, nth) =>
    written.kind === "request"
      ? withLine(written, 1 + nth % written.lines.length, "Host: a.example")
      : undefined,
  "another version": (written, nth) => ({
    ...written,
    lines: written.lines.with(
      0,
      written.lines[0]!.replace(
        "HTTP/1.1",
        ["HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1"][nth % 4]!,
      ),
    ),
  }),
  "two spaces in the start line": (written) => ({
    ...written,
    lines: written.lines.with(0, written.lines[0]!.replace(" ", "  ")),
  }),
  "a chunk's size with another character": (written, nth) =>
    chunkedOnly(written, (encoded) => ["x", "+", "-", " ", "0x", "\t", ";"][nth % 7] + encoded),
  "a chunk that is longer than its size": (written) =>
    written.body === ""
      ? undefined
      : chunkedOnly(written, (encoded) => encoded.replace("\r\n", "\r\nx")),
  "a chunk's size that ends with LF": (written) =>
    chunkedOnly(written, (encoded) => encoded.replace("\r\n", "\n")),
  "a bad trailer": (written, nth) =>
    chunkedOnly(
      written,
      (encoded) => encoded.slice(0, -2) + ["x\r\n", " x: y\r\n", ": y\r\n", "\n"][nth % 4] + "\r\n",
    ),
};

for (const [what, breakage] of Object.entries(BREAKAGES)) {
  Deno.test(`a message with ${what} is refused, however it arrives`, () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(), (written, nth, byte) => {
        fc.pre(written.lines.length > 1);
        const broken = breakage(written, nth, byte);
        fc.pre(broken !== undefined);
        const text = textOf(broken);
        const outcome = parsed(written.kind, text);
        assert.ok(typeof outcome === "object" && "refused" in outcome, JSON.stringify(outcome));
        const places = Array.from({ length: text.length }, (_, i) => i + 1);
        assert.deepEqual(parsed(written.kind, text, places), outcome);
      }),
      { numRuns: numRuns / 4 },
    );
  });
}
