import assert from "node:assert/strict";
import fc from "fast-check";
import { otlpJson } from "../../src/tracing/otlp_json.ts";
import { otlpProtobuf } from "../../src/tracing/otlp_protobuf.ts";
import { attributes, type Span } from "../../src/tracing/span.ts";
import { exportIn } from "../support/otlp_protobuf.ts";
import { numRuns } from "../support/property.ts";

const SPAN: Span = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  parentId: "b9c7c989f97918e1",
  isParentRemote: true,
  state: "a=1",
  name: `chat Grüße ${"x".repeat(200)}`,
  kind: "server",
  startMs: 1_795_826_416_123.456,
  endMs: 1_795_826_417_000,
  attributes: attributes({
    text: "",
    yes: true,
    no: false,
    zero: 0n,
    big: 2n ** 40n + 5n,
    fraction: 0.25,
    list: ["stop", "长"],
    none: [],
  }),
  error: "it broke",
};
const RESOURCE = attributes({ "service.name": "router" });

/** The same span, as opentelemetry-proto 1.45.2 for Python writes it. */
const REFERENCE =
  "Ct4DChoKGAoMc2VydmljZS5uYW1lEggKBnJvdXRlchK/AwoUCgt2bGxtLXJvdXRlchIFMS4yLjMSpgMKEEv5LzV3s0" +
  "2mo86SnQ4ORzYSCADwZ6oLqQK3GgNhPTEiCLnHyYn5eRjhKtUBY2hhdCBHcsO8w59lIHh4eHh4eHh4eHh4eHh4eHh4" +
  "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH" +
  "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
  "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4MAI5ACpNW5wO7BhBACqMj5wO7B" +
  "hKCgoEdGV4dBICCgBKCQoDeWVzEgIQAUoICgJubxICEABKCgoEemVybxICGABKDgoDYmlnEgcYhYCAgIAgShUKCGZy" +
  "YWN0aW9uEgkhAAAAAAAA0D9KGQoEbGlzdBIRKg8KBgoEc3RvcAoFCgPplb9KCgoEbm9uZRICKgB6DBIIaXQgYnJva2" +
  "UYAoUBAQMAAA==";

Deno.test("an export has the bytes that OpenTelemetry's own library writes", () => {
  // A double has the time to a quarter of a microsecond.
  const start = { ...SPAN, startMs: 1_795_826_416_123 + 0.456 };
  const written = otlpProtobuf([start], RESOURCE, "1.2.3");
  const sameTime = Uint8Array.fromBase64(REFERENCE);
  const [time, expected] = [written, sameTime].map((bytes) => timesIn(bytes)[0]!);
  assert.ok(time! - expected! < 1_000n && expected! - time! < 1_000n);
  assert.equal(withoutTimes(written), withoutTimes(sameTime));
});

/** Times are the only fields of eight bytes whose tag is 0x39 or 0x41. */
const TIMES = /39(.{16})41(.{16})4a/;

function timesIn(bytes: Uint8Array): bigint[] {
  const [, ...times] = TIMES.exec(bytes.toHex())!;
  return times.map((time) => BigInt(`0x${time.match(/../g)!.reverse().join("")}`));
}

function withoutTimes(bytes: Uint8Array): string {
  return bytes.toHex().replace(TIMES, "");
}

Deno.test("nothing is written for no spans", () => {
  assert.equal(otlpProtobuf([], RESOURCE, "1").length, 0);
});

Deno.test("both encodings say the same of any span", () => {
  const hex = (digits: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`), { size: "max" });
  const value = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.boolean(),
    fc.bigInt(0n, BigInt(Number.MAX_SAFE_INTEGER)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((one) => !Object.is(one, -0)),
    fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 5 }),
  );
  const span: fc.Arbitrary<Span> = fc.record({
    traceId: hex(32),
    spanId: hex(16),
    parentId: fc.option(hex(16), { nil: undefined }),
    isParentRemote: fc.boolean(),
    state: fc.constantFrom("", "a=1"),
    name: fc.string({ unit: "grapheme", maxLength: 200 }),
    kind: fc.constantFrom("server" as const, "client" as const),
    startMs: fc.double({ min: 1.6e12, max: 4e12, noNaN: true }),
    endMs: fc.double({ min: 1.6e12, max: 4e12, noNaN: true }),
    attributes: fc.dictionary(fc.string(), value, { maxKeys: 8 }).map(attributes),
    error: fc.option(fc.string(), { nil: undefined }),
  }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 40 }), (spans) => {
      const json = JSON.parse(otlpJson(spans, RESOURCE, "1"));
      assert.deepEqual(exportIn(otlpProtobuf(spans, RESOURCE, "1")), json);
    }),
    { numRuns },
  );
});
