import type { Usage } from "../../vllm/usage.ts";
import type { RequestRecord } from "../request_record.ts";

/**
 * Returns the tokens that a request has used: as its answer reported, or else as far as they are
 * known, so that an answer that breaks off or is left isn't free. A request without an answer has
 * used none.
 *
 * @returns `undefined` if it used none, or none are known
 */
export function usedTokens(record: Readonly<RequestRecord>): Usage | undefined {
  const { usage, expected, events, outcome, status, attempts, stream } = record;
  if (!expected || (outcome === "ok" && usage)) return usage;
  if (outcome === "client_closed" ? attempts === 0 : status >= 400) return undefined;
  if (outcome === "ok" && !stream) return expected;
  return {
    promptTokens: usage?.promptTokens || expected.promptTokens,
    completionTokens: Math.max(usage?.completionTokens ?? 0, events),
  };
}
