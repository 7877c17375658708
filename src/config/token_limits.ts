import type { z } from "zod";
import { limitsShape } from "./access_schema.ts";
import type { ModelLimits, TokenLimits } from "./config.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { tableAt, unknownIn } from "./zod_types.ts";

type Written = Pick<z.output<typeof limitsShape>, "tokens_per_minute" | "tokens_per_day">;

/** Converts limits of tokens; leaves out those that aren't set. */
export function toTokenLimits(
  { tokens_per_minute: tokensPerMinute, tokens_per_day: tokensPerDay }: Written,
): TokenLimits {
  return {
    ...(tokensPerMinute !== undefined && { tokensPerMinute }),
    ...(tokensPerDay !== undefined && { tokensPerDay }),
  };
}

/** Converts the limits of models, if there are any. */
export function toModelLimits(
  written: Readonly<Record<string, Written>> | undefined,
): { readonly modelLimits?: ModelLimits } {
  const limits = Object.entries(written ?? {}).map(([model, limits]) =>
    [model, toTokenLimits(limits)] as const
  );
  return limits.length === 0 ? {} : { modelLimits: new Map(limits) };
}

/** Reports unknown fields in the `model_limits` of a table. A misspelt limit would not be enforced. */
export function unknownInModelLimits(
  within: Record<string, unknown>,
  prefix: string,
): Diagnostic[] {
  return Object.entries(tableAt(within, "model_limits")).flatMap(([model, limits]) =>
    unknownIn(
      tableAt(limits),
      limitsShape.shape,
      `${prefix}model_limits.${JSON.stringify(model)}.`,
      "unknown key",
    )
  );
}
