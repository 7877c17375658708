import type { Level } from "../config/log_level.ts";
import { endingOf, type RequestRecord } from "../proxy/request_record.ts";

const LONGEST_TEXT = 200;

/** Truncates text from clients, which may be of any length. */
export function clipped(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}

/** The level of the line about a request: a failure of the servers is a warning. */
export function accessLevel(record: Readonly<RequestRecord>): Level {
  return endingOf(record) === "upstream_error" ? "warning" : "info";
}

/** Returns the template and the properties of the line about a request. */
export function accessLine(
  record: Readonly<RequestRecord>,
): [template: string, properties: Record<string, unknown>] {
  const ending = endingOf(record);
  const {
    usage,
    firstTokenMs,
    durationMs,
    model,
    server,
    lastServer,
    outcome,
    continuations,
    expected: _expected,
    events: _events,
    responseId: _responseId,
    finishReasons: _finishReasons,
    limit,
    error,
    ...rest
  } = record;
  const tried = server ? " by {server}" : lastServer ? ", last asked {lastServer}," : "";
  return [`{status} {outcome} {method} {path} {model}${tried} in {durationMs} ms`, {
    ...rest,
    ...(!server && lastServer && { lastServer }),
    ...(continuations > 0 && { continuations }),
    ...(limit !== undefined && { limit }),
    ...(error !== undefined && { error: clipped(error) }),
    path: rest.path.split("?")[0],
    model: model === undefined ? null : clipped(model),
    server: server ?? null,
    firstTokenMs: firstTokenMs === undefined ? null : Math.round(firstTokenMs),
    durationMs: Math.round(durationMs),
    promptTokens: usage?.promptTokens ?? null,
    completionTokens: usage?.completionTokens ?? null,
    outcome: ending,
    ...(ending === "upstream_error" && { reason: outcome }),
  }];
}
