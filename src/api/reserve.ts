import type { DoesNotFit, Reserved, TokenBudgets } from "../auth/token_limits.ts";
import type { ApiKey } from "../config/config.ts";
import type { Client, OverLimit } from "../proxy/client.ts";
import type { Usage } from "../vllm/usage.ts";
import { quotaHeaders } from "./limit_headers.ts";

/** The tokens of one request under the limits that apply to it. */
export interface RequestTokens {
  /** Reserves tokens; missing if no limit can apply. */
  readonly reserve: Client["reserve"];
  /** Counts the tokens that were used in place of those reserved. */
  settle(used: Usage | undefined): void;
}

const sumOf = (usage: Usage | undefined) => usage ? usage.promptTokens + usage.completionTokens : 0;

/**
 * Creates the account of one request.
 *
 * @param headers of the answer; those that report the limits are added
 */
export function requestTokens(
  budgets: TokenBudgets,
  key: ApiKey | undefined,
  target: string,
  headers: [string, string][],
): RequestTokens {
  const kind = budgets.limitsOf(key);
  if (kind === "none") return NO_LIMITS;
  let reserved: Reserved | undefined;
  return {
    reserve(model, expected) {
      // Else a model's limit could be avoided by not naming it.
      if (kind === "by_model" && model === undefined) return MODEL_MISSING;
      const tokens = Math.max(1, Math.ceil(sumOf(expected)));
      reserved = budgets.reserve(key, model, tokens);
      if (!reserved) return "unlimited";
      headers.push(...quotaHeaders(target, "tokens", reserved.quota));
      return reserved.denied ? overLimit(reserved.denied, tokens) : "reserved";
    },
    settle: (used) => reserved?.settle(sumOf(used)),
  };
}

const NO_LIMITS: RequestTokens = { reserve: undefined, settle() {} };

const MODEL_MISSING: OverLimit = {
  status: 400,
  message: "Models have limits of tokens: specify one in `model`.",
  limit: undefined,
};

function overLimit({ limit, left, waitMs }: DoesNotFit, needed: number): OverLimit {
  const { name, tokens, key, model } = limit;
  const whose = key === undefined ? "all clients together" : `the key \`${key}\``;
  const what = `${name} = ${tokens} of ${whose}${model === undefined ? "" : ` for \`${model}\``}`;
  const labelled = { limit: model === undefined ? name : `model_${name}` };
  if (waitMs === Infinity) {
    const message = `The request needs about ${needed} tokens, more than ${what} ever allows.`;
    return { ...labelled, status: 400, message };
  }
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const others = left < needed ? "" : ", some of which other routers may be using";
  const message =
    `The request needs about ${needed} tokens, but ${what} has ${left} left${others}: ` +
    `it fits in ${retryAfterSeconds} s.`;
  return { ...labelled, status: 429, message, retryAfterSeconds };
}
