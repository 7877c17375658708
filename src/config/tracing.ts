import type { Tracing } from "./tracing_settings.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { expandEnv, type References } from "./references.ts";
import { isHeader, type OtelVariables, otelVariables } from "./otel_variables.ts";
import { certificatesIn, isHost } from "./route.ts";
import type { RawTracing } from "./tracing_schema.ts";

const PATH = "/v1/traces";

/**
 * Builds the settings of tracing from the file and OpenTelemetry's environment variables; the file
 * outranks them. What is wrong in the environment, which many programs may share, is a warning.
 *
 * @returns `undefined` if neither names an endpoint, or tracing is switched off
 */
export function toTracing(
  file: RawTracing,
  outside: References,
  problems: Diagnostic[],
  warnings: Diagnostic[],
): Tracing | undefined {
  const ofVariables: Diagnostic[] = [];
  const variables = otelVariables(outside.env, ofVariables);
  const written = file.endpoint === undefined
    ? undefined
    : expandEnv(file.endpoint, "tracing.endpoint", outside, problems).trim();
  const ofFile = written ? addressIn(written, true, "tracing.endpoint", problems) : undefined;
  const headers = headersIn(file.headers, outside, problems);
  const { endpoint } = variables;
  if (variables.isOff || (written === undefined && endpoint === undefined)) return undefined;
  warnings.push(...ofVariables);
  const url = written !== undefined || typeof endpoint !== "object"
    ? ofFile
    : addressIn(endpoint.value, endpoint.isBase, endpoint.where, warnings);
  if (url === undefined) return undefined;
  const ca = authorityIn(variables.certificate, outside, warnings);
  const named = file.service_name ?? variables.resource["service.name"];
  return {
    url,
    ...(ca !== undefined && { ca }),
    protocol: variables.protocol,
    headers: Object.entries({ ...variables.headers, ...headers }),
    timeoutMs: variables.timeoutMs,
    gzip: variables.gzip,
    sampler: file.sample_ratio === undefined
      ? variables.sampler
      : { ratio: file.sample_ratio, isParentBased: true },
    resource: { ...variables.resource, "service.name": named ?? "vllm-router" },
    maxQueue: variables.maxQueue,
    maxBatch: Math.min(variables.maxBatch, variables.maxQueue),
    delayMs: variables.delayMs,
  };
}

function authorityIn(
  named: OtelVariables["certificate"],
  outside: References,
  warnings: Diagnostic[],
): string | undefined {
  const before = warnings.length;
  const ca = certificatesIn(named?.value, named?.where ?? "", outside, warnings);
  return warnings.length > before ? undefined : ca;
}

/** @param isBase whether the path for traces is yet to be appended */
function addressIn(
  written: string,
  isBase: boolean,
  where: string,
  diagnostics: Diagnostic[],
): string | undefined {
  const url = URL.parse(written);
  const isUsable = url && /^https?:$/.test(url.protocol) && isHost(url.hostname) &&
    url.username + url.password === "";
  if (!isUsable) {
    const what = "expected an address such as http://otel-collector:4318; the value is not shown";
    diagnostics.push({ where, what });
    return undefined;
  }
  url.hash = "";
  if (isBase && !url.pathname.endsWith(PATH)) {
    url.pathname = url.pathname.replace(/\/$/, "") + PATH;
  }
  return url.href;
}

function headersIn(
  written: RawTracing["headers"],
  outside: References,
  problems: Diagnostic[],
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(written)) {
    const where = `tracing.headers.${name}`;
    const before = problems.length;
    const value = expandEnv(text, where, outside, problems).trim();
    if (problems.length > before) continue;
    if (isHeader(name, value)) headers[name.toLowerCase()] = value;
    else problems.push({ where, what: "expected a header; the value is not shown" });
  }
  return headers;
}
