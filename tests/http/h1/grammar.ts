import fc from "fast-check";
import type { Kind } from "./parse_message.ts";

/** A message by the grammar of RFC 9112, and what a parser should make of it. */
export interface Written {
  readonly kind: Kind;
  /** The head's lines, without their ends. Each character is a byte. */
  readonly lines: readonly string[];
  /** The body, encoded. */
  readonly encoded: string;
  readonly start: readonly [string, string] | readonly [number];
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

/** The text of a message. */
export function textOf({ lines, encoded }: Pick<Written, "lines" | "encoded">): string {
  return `${lines.join("\r\n")}\r\n\r\n${encoded}`;
}

const charactersOf = (pattern: RegExp) =>
  Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
    .filter((character) => pattern.test(character));
const textFrom = (pattern: RegExp, size: { minLength?: number; maxLength: number }) =>
  fc.string({ unit: fc.constantFrom(...charactersOf(pattern)), ...size });

/** `tchar` of RFC 9110, section 5.6.2. */
export const NOT_TCHAR = charactersOf(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/);
/** All control characters but the tab. */
export const CONTROLS = charactersOf(/[^\t -~\x80-\xff]/);
const token = textFrom(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/, { minLength: 1, maxLength: 12 });
const visible = textFrom(/[!-~\x80-\xff]/, { minLength: 1, maxLength: 8 });
const blank = textFrom(/[ \t]/, { minLength: 1, maxLength: 3 });
/** `field-value`: visible characters, with spaces and tabs between them. */
const value = fc.oneof(
  fc.constant(""),
  fc.tuple(visible, fc.array(fc.tuple(blank, visible), { maxLength: 3 })).map(([first, more]) =>
    first + more.flat().join("")
  ),
);
/** Around a value; before the line's end only spaces, as a tab there is refused. */
const before = fc.oneof(fc.constant(" "), textFrom(/[ \t]/, { maxLength: 3 }));
const after = textFrom(/ /, { maxLength: 2 });

/** Fields that decide about the message are added by other means. */
const SPECIAL = /^(host|content-length|transfer-encoding|expect|connection)$/i;
interface Field {
  readonly name: string;
  readonly value: string;
  readonly before: string;
  readonly after: string;
}
const field: fc.Arbitrary<Field> = fc.record({
  name: token.filter((name) => !SPECIAL.test(name)),
  value,
  before,
  after,
});
const fieldLine = ({ name, value, before, after }: Field) =>
  `${name}:${value === "" ? before : before + value + after}`;

const body = textFrom(/[^]/, { maxLength: 40 });

/** `quoted-string` of RFC 9110, section 5.6.4. */
const quoted = fc.array(
  fc.oneof(
    textFrom(/[\t !#-[\]-~\x80-\xff]/, { minLength: 1, maxLength: 3 }),
    textFrom(/[\t -~\x80-\xff]/, { minLength: 1, maxLength: 1 }).map((text) => `\\${text}`),
  ),
  { maxLength: 3 },
).map((parts) => `"${parts.join("")}"`);
/** `chunk-ext`, without the spaces that senders must not generate. */
const extension = fc.array(
  fc.tuple(token, fc.option(fc.oneof(token, quoted))).map(([name, value]) =>
    value === null ? `;${name}` : `;${name}=${value}`
  ),
  { maxLength: 2 },
).map((parts) => parts.join(""));
const size = (length: number) =>
  fc.tuple(fc.nat(3), fc.boolean()).map(([zeros, isUpper]) => {
    const digits = "0".repeat(zeros) + length.toString(16);
    return isUpper ? digits.toUpperCase() : digits;
  });
const chunk = textFrom(/[^]/, { minLength: 1, maxLength: 40 }).chain((data) =>
  fc.tuple(size(data.length), extension).map(([digits, extension]) => ({
    data,
    text: `${digits}${extension}\r\n${data}\r\n`,
  }))
);
const chunkedBody = fc.record({
  chunks: fc.array(chunk, { maxLength: 4 }),
  last: fc.tuple(size(0), extension).map((parts) => parts.join("")),
  trailers: fc.array(field.map(fieldLine), { maxLength: 2 }),
}).map(({ chunks, last, trailers }) => ({
  framing: "Transfer-Encoding: chunked" as string | undefined,
  body: chunks.map(({ data }) => data).join(""),
  encoded: chunks.map(({ text }) => text).join("") +
    `${last}\r\n${trailers.map((line) => `${line}\r\n`).join("")}\r\n`,
}));
const framed = fc.oneof(
  chunkedBody,
  body.map((body) => ({
    framing: `Content-Length: ${body.length}` as string | undefined,
    body,
    encoded: body,
  })),
);
const unframed = fc.constant({ framing: undefined, body: "", encoded: "" });

const target = fc.oneof(
  fc.constantFrom("/", "/v1/chat/completions"),
  fc.tuple(
    textFrom(/[\w\-.~!$&'()*+,;=:@/%]/, { maxLength: 12 }),
    fc.option(textFrom(/[\w\-.~!$&'()*+,;=:@/?%]/, { maxLength: 12 })),
  ).map(([path, query]) => query === null ? `/${path}` : `/${path}?${query}`),
);

/** Puts together what was generated, with lines that decide about the message among the others. */
function write(
  kind: Kind,
  startLine: string,
  start: Written["start"],
  fields: readonly Field[],
  special: readonly (string | undefined)[],
  { body, encoded }: { body: string; encoded: string },
): Written {
  const lines = fields.map((field) => ({
    line: fieldLine(field),
    pair: [field.name.toLowerCase(), field.value] as const,
  }));
  for (const line of special) {
    if (line === undefined) continue;
    const [name = "", value = ""] = line.split(": ");
    const at = Math.floor(lines.length / 2);
    lines.splice(at, 0, { line, pair: [name.toLowerCase(), value] });
  }
  return {
    kind,
    lines: [startLine, ...lines.map(({ line }) => line)],
    encoded,
    start,
    fields: lines.map(({ pair }) => pair),
    body,
  };
}

/** Valid requests. */
export const request = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
  target,
  host: fc.constantFrom("a.example", "a_b.c:80", "127.0.0.1:8000", "[::1]:8000", ""),
  fields: fc.array(field, { maxLength: 6 }),
  content: fc.oneof(framed, unframed),
}).map(({ method, target, host, fields, content }) =>
  write(
    "request",
    `${method} ${target} HTTP/1.1`,
    [method, target],
    fields,
    [`Host: ${host}`, content.framing],
    content,
  )
);

/** Valid answers whose end can be seen. */
export const response = fc.record({
  status: fc.integer({ min: 200, max: 999 }).filter((status) => status !== 204 && status !== 304),
  reason: fc.option(textFrom(/[\t -~\x80-\xff]/, { maxLength: 12 })),
  fields: fc.array(field, { maxLength: 6 }),
  content: framed,
}).map(({ status, reason, fields, content }) =>
  write(
    "response",
    `HTTP/1.1 ${status}${reason === null ? "" : ` ${reason}`}`,
    [status],
    fields,
    [content.framing],
    content,
  )
);
