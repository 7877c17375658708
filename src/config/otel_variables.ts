import type { Sampler, Tracing } from "./tracing_settings.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { References } from "./references.ts";
import { shown } from "./zod_types.ts";

/** What OpenTelemetry's environment variables say of traces. */
export interface OtelVariables extends
  Pick<
    Tracing,
    "protocol" | "timeoutMs" | "gzip" | "sampler" | "maxQueue" | "maxBatch" | "delayMs"
  > {
  /** They switch tracing off, whatever the file says. */
  readonly isOff: boolean;
  /** `unusable` if its protocol isn't spoken. */
  readonly endpoint: OtelEndpoint | "unusable" | undefined;
  /** The file with the CA of the collector's certificate, and the variable that names it. */
  readonly certificate: Named | undefined;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
}

/** A variable and its value. */
interface Named {
  readonly where: string;
  readonly value: string;
}

/** An endpoint, and the variable that names it. */
export interface OtelEndpoint extends Named {
  /** It is that of all signals: the path for traces is yet to be appended. */
  readonly isBase: boolean;
}

const OTLP = "OTEL_EXPORTER_OTLP_";
const MOST_SPANS = 65_536;
/** So many spans are written as JSON in a few milliseconds, in which no request goes on. */
const MOST_IN_BATCH = 2_048;
const LONGEST_MS = 3_600_000;

/** Reads the variables. What can't be used is reported to `warnings`, and its default applies. */
export function otelVariables(env: References["env"], warnings: Diagnostic[]): OtelVariables {
  /** Empty counts as unset. */
  const read = (name: string) => env(name)?.trim() || undefined;
  const warn = (where: string, what: string) => void warnings.push({ where, what });
  /** The variable of traces outranks that of all signals. */
  const ofOtlp = (name: string): Named | undefined =>
    [`${OTLP}TRACES_${name}`, `${OTLP}${name}`].map((where) => ({ where, value: read(where) }))
      .find((found): found is Named => found.value !== undefined);
  const count = (where: string, fallback: number, most: number) => {
    const value = read(where);
    if (value === undefined) return fallback;
    if (/^\d{1,9}$/.test(value) && Number(value) >= 1) return Math.min(Number(value), most);
    warn(where, `expected a whole number of at least 1, got ${shown(value)}; ${fallback} applies`);
    return fallback;
  };

  const timeout = ofOtlp("TIMEOUT");
  return {
    isOff: /^true$/i.test(read("OTEL_SDK_DISABLED") ?? "") ||
      read("OTEL_TRACES_EXPORTER") === "none",
    endpoint: endpointIn(ofOtlp("ENDPOINT"), ofOtlp("PROTOCOL"), warn),
    protocol: ofOtlp("PROTOCOL")?.value === "http/json" ? "http/json" : "http/protobuf",
    certificate: ofOtlp("CERTIFICATE"),
    headers: headersIn(ofOtlp("HEADERS"), warn),
    timeoutMs: timeout ? count(timeout.where, 10_000, LONGEST_MS) : 10_000,
    gzip: ofOtlp("COMPRESSION")?.value === "gzip",
    sampler: samplerIn(read, warn),
    resource: {
      ...pairsIn(namedIn("OTEL_RESOURCE_ATTRIBUTES", read), warn),
      ...(read("OTEL_SERVICE_NAME") && { "service.name": read("OTEL_SERVICE_NAME")! }),
    },
    maxQueue: count("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, MOST_SPANS),
    maxBatch: count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, MOST_IN_BATCH),
    delayMs: count("OTEL_BSP_SCHEDULE_DELAY", 5_000, LONGEST_MS),
  };
}

type Read = (name: string) => string | undefined;
type Warn = (where: string, what: string) => void;

function namedIn(where: string, read: Read): Named | undefined {
  const value = read(where);
  return value === undefined ? undefined : { where, value };
}

const PROTOCOLS: ReadonlySet<string> = new Set(["http/protobuf", "http/json"]);

function endpointIn(
  named: Named | undefined,
  protocol: Named | undefined,
  warn: Warn,
): OtelVariables["endpoint"] {
  if (!named) return undefined;
  if (protocol?.value === "grpc") {
    const what = "grpc is not supported, so requests are not traced; set http/protobuf and an " +
      "endpoint that takes OTLP over HTTP, by default at port 4318";
    warn(protocol.where, what);
    return "unusable";
  }
  if (protocol && !PROTOCOLS.has(protocol.value)) {
    const what = `expected http/protobuf or http/json, got ${shown(protocol.value)}; ` +
      "http/protobuf applies";
    warn(protocol.where, what);
  }
  return { ...named, isBase: named.where === `${OTLP}ENDPOINT` };
}

/** Reads `name=value,name=value` with percent-encoded values, which may be secret. */
function pairsIn(written: Named | undefined, warn: Warn): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const part of written?.value.split(",") ?? []) {
    if (part.trim() === "") continue;
    const [, name, value] = /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    try {
      if (name === undefined) throw new Error("no pair");
      pairs[decodeURIComponent(name)] = decodeURIComponent(value!);
    } catch {
      warn(written!.where, "expected name=value pairs with commas between; the value is not shown");
    }
  }
  return pairs;
}

function headersIn(written: Named | undefined, warn: Warn): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(pairsIn(written, warn))) {
    if (isHeader(name, value)) headers[name.toLowerCase()] = value;
    else warn(written!.where, "expected names and values of headers; they are not shown");
  }
  return headers;
}

/** Whether a header may have this name and this value, without white space around it. */
export function isHeader(name: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]+$/.test(value);
}

const SAMPLERS: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => ({ ratio: 1, isParentBased: false }),
  always_off: () => ({ ratio: 0, isParentBased: false }),
  traceidratio: (ratio) => ({ ratio, isParentBased: false }),
  parentbased_always_on: () => ({ ratio: 1, isParentBased: true }),
  parentbased_always_off: () => ({ ratio: 0, isParentBased: true }),
  parentbased_traceidratio: (ratio) => ({ ratio, isParentBased: true }),
};

function samplerIn(read: Read, warn: Warn): Sampler {
  const fallback = { ratio: 1, isParentBased: true };
  const where = "OTEL_TRACES_SAMPLER";
  const name = read(where) ?? "parentbased_always_on";
  const sampler = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined;
  if (!sampler) {
    const known = Object.keys(SAMPLERS).join(", ");
    warn(where, `expected one of ${known}, got ${shown(name)}; parentbased_always_on applies`);
    return fallback;
  }
  const argument = name.endsWith("traceidratio") ? read(`${where}_ARG`) : undefined;
  const ratio = Number(argument ?? 1);
  if (ratio >= 0 && ratio <= 1) return sampler(ratio);
  warn(`${where}_ARG`, `expected a number from 0 to 1, got ${shown(argument)}; 1 applies`);
  return sampler(1);
}
