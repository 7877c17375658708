import { z } from "zod";
import type { Diagnostic } from "./diagnostic.ts";
import type { ModelNames } from "./config.ts";
import { table, text, wholeNumber } from "./zod_types.ts";

const target = z.union([
  text,
  z.record(z.string(), wholeNumber(1)).refine((weights) => Object.keys(weights).length > 0),
], { error: 'expected a model, or models with their weights such as { "a" = 90, "b" = 10 }' });

/** The table `[models]`. */
export const modelsShape = z.looseObject({
  aliases: z.record(z.string(), target, table('a table such as { "claude-*" = "qwen3-coder" }'))
    .default({}),
  default: text.optional(),
}, table("a table"));

/** Builds the names under which clients may ask for models. */
export function toModelNames(
  { aliases, default: fallback }: z.output<typeof modelsShape>,
  problems: Diagnostic[],
): ModelNames {
  const named = Object.entries(aliases).map(([alias, target]) => ({
    alias,
    targets: Object.entries(typeof target === "string" ? { [target]: 1 } : target)
      .map(([model, weight]) => ({ model, weight })),
  }));
  for (const { alias, targets } of named) {
    const where = `models.aliases.${JSON.stringify(alias)}`;
    if (alias.split("*").length > 2) {
      problems.push({ where, what: "expected at most one *" });
    }
    for (const { model } of targets) {
      // An alias of itself gives a part of its requests to other models.
      if (model !== alias && Object.hasOwn(aliases, model)) {
        problems.push({ where, what: `expected a model, but ${model} is an alias itself` });
      }
    }
  }
  if (fallback !== undefined && Object.hasOwn(aliases, fallback)) {
    problems.push({
      where: "models.default",
      what: `expected a model, but ${fallback} is an alias`,
    });
  }
  return { aliases: named, ...(fallback !== undefined && { default: fallback }) };
}
