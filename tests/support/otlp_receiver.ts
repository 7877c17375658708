import assert from "node:assert/strict";
import { exportIn } from "./otlp_protobuf.ts";
import { until } from "./until.ts";

/** A span as a collector gets it, with its attributes by name. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly flags: number;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Kinds of spans in OTLP. */
export const SERVER = 2;
export const CLIENT = 3;

/** A collector that takes OTLP over HTTP, in both encodings, and rejects what breaks its rules. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** What was wrong with requests. Disposing asserts that it is empty. */
  readonly faults: string[];
  /** The headers of each request. */
  readonly requests: Headers[];
  /** The resource's attributes, as of the last request. */
  resource(): Readonly<Record<string, unknown>>;
  /** Answers the next requests in place of the receiver, until set to `undefined`. */
  answer: ((request: Request) => Response | Promise<Response>) | undefined;
  /** Waits for this many spans of a trace, or of all. */
  spansOf(count: number, traceId?: string): Promise<readonly ReceivedSpan[]>;
}

/** Starts a collector on a free loopback port. */
export function startOtlpReceiver(
  port = 0,
  tls?: { readonly cert: string; readonly key: string },
): OtlpReceiver {
  const spans: ReceivedSpan[] = [];
  const faults: string[] = [];
  const requests: Headers[] = [];
  let resource: Readonly<Record<string, unknown>> = {};
  const stopping = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {}, signal: stopping.signal, ...tls },
    async (request) => {
      requests.push(request.headers);
      if (receiver.answer) return await receiver.answer(request);
      try {
        const export_ = await readExport(request);
        for (const { resource: of, scopeSpans } of export_) {
          resource = of;
          spans.push(...scopeSpans);
        }
        return Response.json({ partialSuccess: {} });
      } catch (error) {
        faults.push((error as Error).message);
        return Response.json({ code: 3, message: (error as Error).message }, { status: 400 });
      }
    },
  );
  const receiver: OtlpReceiver = {
    url: `${tls ? "https" : "http"}://127.0.0.1:${server.addr.port}`,
    spans,
    faults,
    requests,
    resource: () => resource,
    answer: undefined,
    async spansOf(count, traceId) {
      const found = () => spans.filter((span) => traceId === undefined || span.traceId === traceId);
      await until(`${count} spans came`, () => found().length >= count || faults.length > 0);
      assert.deepEqual(faults, []);
      return found();
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await server.finished;
      assert.deepEqual(faults, []);
    },
  };
  return receiver;
}

/** Returns the spans of a request, as a receiver reads them. */
export async function spansIn(request: Request): Promise<readonly ReceivedSpan[]> {
  return (await readExport(request)).flatMap(({ scopeSpans }) => scopeSpans);
}

interface Export {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scopeSpans: readonly ReceivedSpan[];
}

/** Reads a request, of which all fields are checked. */
async function readExport(request: Request): Promise<readonly Export[]> {
  assert.equal(request.method, "POST");
  assert.equal(new URL(request.url).pathname, "/v1/traces");
  const type = request.headers.get("content-type");
  assert.ok(type === "application/json" || type === "application/x-protobuf", String(type));
  const gzip = request.headers.get("content-encoding") === "gzip";
  const body = gzip ? request.body!.pipeThrough(new DecompressionStream("gzip")) : request.body!;
  const bytes = await new Response(body).bytes();
  const { resourceSpans } = fields(
    type === "application/json" ? JSON.parse(new TextDecoder().decode(bytes)) : exportIn(bytes),
    { resourceSpans: isList },
  );
  return list(resourceSpans).map((one) => {
    const { resource, scopeSpans } = fields(one, { resource: isTable, scopeSpans: isList });
    const { attributes } = fields(resource, { attributes: isList });
    return {
      resource: attributesIn(attributes),
      scopeSpans: list(scopeSpans).flatMap((one) => {
        const { scope, spans } = fields(one, { scope: isTable, spans: isList });
        fields(scope, { name: isText, version: isText });
        return list(spans).map(spanIn);
      }),
    };
  });
}

function spanIn(written: unknown): ReceivedSpan {
  const isId = (digits: number) => (value: unknown) =>
    typeof value === "string" && new RegExp(`^(?!0+$)[0-9a-f]{${digits}}$`).test(value);
  const span = fields(written, {
    traceId: isId(32),
    spanId: isId(16),
    "parentSpanId?": isId(16),
    "traceState?": isText,
    flags: (value) => Number.isInteger(value) && Number(value) < 2 ** 32,
    name: (value) => isText(value) && value !== "",
    kind: (value) => value === SERVER || value === CLIENT,
    startTimeUnixNano: isNanoseconds,
    endTimeUnixNano: isNanoseconds,
    attributes: isList,
    status: isTable,
  });
  fields(span.status, { "code?": (code) => code === 2, "message?": isText });
  const { startTimeUnixNano: start, endTimeUnixNano: end } = span;
  assert.ok(BigInt(start as string) <= BigInt(end as string), "a span ends before it starts");
  return { ...span, attributes: attributesIn(span.attributes) } as unknown as ReceivedSpan;
}

/** Attributes by name: whole numbers as `bigint`. A name may occur once. */
function attributesIn(written: unknown): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const one of list(written)) {
    const { key, value } = fields(one, { key: isText, value: isTable });
    const [[kind, plain], ...more] = Object.entries(value as object) as [[string, unknown]];
    assert.equal(more.length, 0, "a value has one kind");
    assert.ok(!(key as string in attributes), `${key} occurs twice`);
    assert.ok(VALUES[kind]?.(plain), `${key}: ${JSON.stringify(value)}`);
    attributes[key as string] = VALUES_READ[kind]?.(plain) ?? plain;
  }
  return attributes;
}

const VALUES: Readonly<Record<string, (value: unknown) => boolean>> = {
  stringValue: isText,
  boolValue: (value) => typeof value === "boolean",
  intValue: (value) => typeof value === "string" && /^-?\d+$/.test(value),
  doubleValue: (value) => typeof value === "number" && Number.isFinite(value),
  arrayValue: (value) => textsIn(value).every(isText),
};

const VALUES_READ: Readonly<Record<string, (value: unknown) => unknown>> = {
  intValue: (value) => BigInt(value as string),
  arrayValue: textsIn,
};

/** The texts of a list. */
function textsIn(value: unknown): readonly unknown[] {
  const { values } = fields(value, { values: isList });
  return list(values).map((one) => fields(one, { stringValue: isText }).stringValue);
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.isWellFormed();
}

function isNanoseconds(value: unknown): boolean {
  // Between 2020 and 2100, as a 64-bit number in a string.
  return typeof value === "string" && /^(?:1[5-9]|[23]\d|4[01])\d{17}$/.test(value);
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function isTable(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value));
  return value;
}

/** Checks an object's fields: all of these, except those with a `?`, and no others. */
function fields(
  value: unknown,
  checks: Readonly<Record<string, (value: unknown) => boolean>>,
): Record<string, unknown> {
  assert.ok(isTable(value), `expected an object, got ${JSON.stringify(value)}`);
  const table = value as Record<string, unknown>;
  const known = Object.keys(checks).map((name) => name.replace("?", ""));
  for (const name in table) assert.ok(known.includes(name), `unknown field ${name}`);
  for (const [written, check] of Object.entries(checks)) {
    const name = written.replace("?", "");
    const isLeftOut = written.endsWith("?") && !(name in table);
    assert.ok(isLeftOut || check(table[name]), `${name}: ${JSON.stringify(table[name])}`);
  }
  return table;
}
