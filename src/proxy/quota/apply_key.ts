import { inTimeSlices } from "../../util/time_slices.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { ApiError } from "../../http/api_errors.ts";
import { asksEngine, generates, tellsUsageIfAsked } from "../../vllm/endpoints.ts";
import type { Usage } from "../../vllm/usage.ts";
import type { Room } from "../admission.ts";
import type { Rewrite } from "../attempt/ask.ts";
import type { Client, OverLimit } from "../client.ts";
import type { ReadRequest } from "../request/read_request.ts";
import type { RequestRecord } from "../request_record.ts";
import { createCount, createPriority } from "./rewrite.ts";
import { readTokenMembers, type TokenMembers } from "./token_members.ts";

/** Whether a client's key has limits of tokens or a priority, for such a request. */
export function hasTerms({ priority, reserve }: Client, target: string): boolean {
  return (reserve !== undefined || priority !== undefined) && asksEngine(target);
}

/**
 * Reserves the tokens of a request under the limits of its key, and returns what the key changes in
 * it.
 *
 * @param target the path, with its query
 */
export async function applyKey(
  { body, profile, stream }: ReadRequest,
  target: string,
  { priority, reserve }: Client,
  fleet: Pick<Fleet, "estimates">,
  record: RequestRecord,
  room: Room,
): Promise<Rewrite | ApiError> {
  const members = await inTimeSlices(readTokenMembers(body.bytes));
  if (reserve) {
    const expected = expectedUsage(fleet.estimates.expectedTokens(profile), members, target);
    const reserved = reserve(profile.model, expected);
    if (typeof reserved === "object") {
      record.limit = reserved.limit;
      return errorOf(reserved);
    }
    if (reserved === "reserved") record.expected = expected;
  }
  const asks = stream && members.isJson && !members.asksUsage && tellsUsageIfAsked(target);
  const count = record.expected && createCount(record, asks, members, room);
  const order = priority === undefined ? undefined : createPriority(priority, members);
  return {
    bodyFor(body, server) {
      const counted = count ? count.bodyFor(body, server) : body;
      return order ? order.bodyFor(counted, server) : counted;
    },
    headersFor: (headers, server) => order ? order.headersFor(headers, server) : headers,
    tap: (upstream) => count ? count.tap(upstream) : upstream,
  };
}

function expectedUsage(
  expected: { readonly prompt: number; readonly answer: number },
  { mostAnswerTokens = expected.answer }: TokenMembers,
  target: string,
): Usage {
  return {
    promptTokens: Math.ceil(expected.prompt),
    completionTokens: generates(target) ? Math.ceil(mostAnswerTokens) : 0,
  };
}

function errorOf({ status, message, retryAfterSeconds }: OverLimit): ApiError {
  const [type, code] = status === 429
    ? ["rate_limit_error", "rate_limit_exceeded"]
    : ["invalid_request_error", "invalid_request"];
  const retry = retryAfterSeconds !== undefined && { retryAfterSeconds };
  return { status, message, type: type!, code: code!, ...retry };
}
