/** Names of server errors, for errors without a status. */
const SERVERS_OWN = /server|internal|overloaded|api_error|unavailable|timeout|engine|gateway/i;

/** Statuses that OpenAI's and the router's own errors have only as names. */
const STATUS_OF: ReadonlyMap<unknown, number> = new Map([
  ["rate_limit_exceeded", 429],
  ["rate_limit_error", 429],
  ["bad_gateway", 502],
  ["service_unavailable", 503],
  ["gateway_timeout", 504],
]);

/** vLLM's message when it has more requests than `--max-num-queued-reqs`. */
const QUEUE_IS_FULL = /\b503\b|cannot accept new requests/;

/**
 * Returns the HTTP status of the error in an event's data. Understands vLLM's format, its older
 * flat format, OpenAI's and Anthropic's.
 *
 * @returns `undefined` if the data is not an error
 */
export function errorStatusOf(data: string): number | undefined {
  if (!data.includes('"error"') && !data.includes('"response.failed"')) return undefined;
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof event !== "object" || event === null) return undefined;
  const { error, object, type, response } = event as Record<string, unknown>;
  const found = type === "response.failed"
    ? (response as { error?: unknown } | null | undefined)?.error ?? {}
    : error ?? (object === "error" || type === "error" ? event : undefined);
  if (found === undefined) return undefined;
  const { code, type: kind, message } = Object(found) as Record<string, unknown>;
  const status = isText(code) || typeof code === "number" ? Number(code) : NaN;
  if (status >= 400 && status <= 599) return status;
  const named = STATUS_OF.get(kind) ?? STATUS_OF.get(code);
  if (named) return named;
  // `/v1/messages` reports a full queue only in the message.
  if (isText(message) && QUEUE_IS_FULL.test(message)) return 503;
  // Without a status, the error's name decides. vLLM's only string code is that of an invalid key.
  return [code, kind].some((name) => isText(name) && SERVERS_OWN.test(name)) ||
      type === "response.failed"
    ? 500
    : 400;
}

const isText = (value: unknown): value is string => typeof value === "string";
