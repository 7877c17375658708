import { isFailure } from "../fleet/outcome.ts";
import { pathIn } from "../http/paths.ts";
import type { RequestRecord } from "../proxy/request_record.ts";
import { kindOf, operationOf } from "./operations.ts";
import { attributes, clipped, type Span } from "./span.ts";

/** What a request's span says of it. */
type Said = Pick<Span, "name" | "attributes" | "error">;

/**
 * Describes a request that has ended. Nothing of its prompt or answer is in it.
 *
 * @param session the client's session, if it names one
 */
export function describeRequest(record: Readonly<RequestRecord>, session: string | null): Said {
  const { method, path, model, outcome, status, usage, firstTokenMs } = record;
  // Text that no server knows as a model would make a name for each spelling.
  const named = record.attempts > 0 ? model : undefined;
  return {
    name: clipped(named === undefined ? kindOf(method, path) : `${kindOf(method, path)} ${named}`),
    attributes: attributes({
      "gen_ai.operation.name": operationOf(method, path),
      "gen_ai.conversation.id": session ?? undefined,
      "gen_ai.request.model": record.asked ?? model,
      "gen_ai.request.stream": record.stream || undefined,
      "gen_ai.response.id": record.responseId,
      "gen_ai.response.finish_reasons": record.finishReasons?.length
        ? record.finishReasons
        : undefined,
      "gen_ai.response.model": record.server === undefined || status >= 400 ? undefined : model,
      "gen_ai.response.time_to_first_chunk": seconds(firstTokenMs),
      "gen_ai.usage.input_tokens": whole(usage?.promptTokens),
      "gen_ai.usage.output_tokens": whole(usage?.completionTokens),
      "gen_ai.usage.cache_read.input_tokens": whole(usage?.cachedTokens || undefined),
      "gen_ai.usage.reasoning.output_tokens": whole(usage?.reasoningTokens || undefined),
      "http.request.method": method,
      "url.path": pathIn(path),
      "http.response.status_code": whole(status),
      "error.type": errorTypeOf(record),
      "vllm_router.request.id": record.id,
      "vllm_router.key.name": record.key,
      "vllm_router.server.name": record.server,
      "vllm_router.outcome": outcome,
      "vllm_router.attempts": whole(record.attempts),
      "vllm_router.continuations": whole(record.continuations || undefined),
    }),
    // By the conventions, a client's own error is none of the span of a server.
    error: isFailed(record) ? clipped(record.error ?? outcome) : undefined,
  };
}

function isFailed({ outcome, status }: Readonly<RequestRecord>): boolean {
  return status >= 500 || (outcome !== "rejected" && isFailure(outcome) && status < 400);
}

function errorTypeOf({ outcome, status }: Readonly<RequestRecord>): string | undefined {
  if (outcome === "ok") return undefined;
  return outcome === "rejected" || outcome === "client_error" ? String(status) : outcome;
}

/** A whole number, in the form that attributes have for it. */
export function whole(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}

/** Seconds of a time in milliseconds. */
export function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
