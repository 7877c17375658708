import type { EndDetails } from "../fleet/attempt_end.ts";
import type { Lease } from "../fleet/lease.ts";
import type { Outcome } from "../fleet/outcome.ts";
import { seconds, whole } from "./request_span.ts";
import { attributes, clipped, type Span } from "./span.ts";

/** How an attempt went. */
export interface AttemptFacts {
  readonly lease: Pick<Lease, "server" | "decision">;
  /** From 1 within its request. */
  readonly number: number;
  readonly isContinuation: boolean;
  /** The status of the answer's head, `undefined` if none came. */
  readonly status: number | undefined;
  /** From its start to a stream's first token, `undefined` if none came. */
  readonly firstTokenMs: number | undefined;
  readonly outcome: Outcome;
  readonly details: EndDetails;
}

/** Describes an attempt that has ended. */
export function describeAttempt(
  { lease, number, isContinuation, status, firstTokenMs, outcome, details }: AttemptFacts,
): Pick<Span, "name" | "attributes" | "error"> {
  const { name, url } = lease.server.config;
  const { hostname, port, protocol } = new URL(url);
  const errorType = outcome === "client_error" && status !== undefined ? String(status) : outcome;
  return {
    name: clipped(`attempt ${name}`),
    attributes: attributes({
      "server.address": hostname.replace(/^\[|\]$/g, ""),
      "server.port": whole(Number(port) || (protocol === "https:" ? 443 : 80)),
      "http.response.status_code": whole(status),
      "error.type": outcome === "ok" ? undefined : errorType,
      "gen_ai.response.time_to_first_chunk": seconds(firstTokenMs),
      "vllm_router.server.name": name,
      "vllm_router.attempt.number": whole(number),
      "vllm_router.attempt.is_continuation": isContinuation,
      "vllm_router.decision": lease.decision,
      "vllm_router.outcome": outcome,
    }),
    error: outcome === "ok" || outcome === "client_closed"
      ? undefined
      : clipped(details.what ?? errorType),
  };
}
