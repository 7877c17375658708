import type { Alias, ModelNames } from "../config/config.ts";
import type { Server } from "./state/server.ts";

/**
 * Returns the model that runs for a name that a client asked for: an alias of exactly that name, a
 * model of a server, the alias with a `*` of which most characters match, or the default.
 *
 * @param asked `undefined` if the request names no model
 * @param mayUse whether the client may use a model; of weighted ones only those are chosen
 * @param chance from 0 up to 1; decides between weighted models
 * @returns `undefined` if the request names no model and there is no default
 */
export function modelFor(
  { aliases, default: fallback }: ModelNames,
  asked: string | undefined,
  servers: readonly Readonly<Pick<Server, "models">>[],
  mayUse: (model: string) => boolean,
  chance: () => number,
): string | undefined {
  if (asked === undefined) return fallback;
  if (aliases.length === 0 && fallback === undefined) return asked;
  const exact = aliases.find(({ alias }) => alias === asked);
  if (exact) return pick(exact, mayUse, chance);
  if (servers.some(({ models }) => models.has(asked))) return asked;
  const [best] = aliases.filter(({ alias }) => matches(alias, asked))
    .sort((a, b) => b.alias.length - a.alias.length);
  return best ? pick(best, mayUse, chance) : fallback ?? asked;
}

function matches(pattern: string, name: string): boolean {
  const [before, after] = pattern.split("*");
  return after !== undefined && name.length >= before!.length + after.length &&
    name.startsWith(before!) && name.endsWith(after);
}

function pick(
  { targets: all }: Alias,
  mayUse: (model: string) => boolean,
  chance: () => number,
): string {
  const allowed = all.filter(({ model }) => mayUse(model));
  const targets = allowed.length > 0 ? allowed : all;
  if (targets.length === 1) return targets[0]!.model;
  let left = chance() * targets.reduce((sum, { weight }) => sum + weight, 0);
  for (const { model, weight } of targets) if ((left -= weight) < 0) return model;
  return targets.at(-1)!.model;
}
