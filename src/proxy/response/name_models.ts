import { closest, distance } from "fastest-levenshtein";
import type { ApiError } from "../../http/api_errors.ts";

/** A longer list doesn't help; `/v1/models` has all. */
const MOST_NAMED = 20;
/** More or longer names aren't compared. */
const MOST_COMPARED = 1_000;
const LONGEST_COMPARED = 100;
/** The share of a name that a typo may be. */
const MOST_SHARE = 1 / 3;

/**
 * Adds the models that do exist to the error for one that doesn't, and the one that may be meant.
 *
 * @param names the models that the client may use
 */
export function nameModels(error: ApiError, names: readonly string[]): ApiError {
  const { unknownModel, message } = error;
  if (unknownModel === undefined || names.length === 0) return error;
  const similar = similarTo(unknownModel, names);
  const meant = similar === undefined ? "" : ` Did you mean \`${similar}\`?`;
  const shown = names.slice(0, MOST_NAMED).map((name) => `\`${name}\``).join(", ");
  const more = names.length - MOST_NAMED;
  const rest = more > 0 ? ` and ${more} more, listed at /v1/models` : "";
  return { ...error, message: `${message}${meant} Models: ${shown}${rest}.` };
}

function similarTo(model: string, names: readonly string[]): string | undefined {
  if (model.length > LONGEST_COMPARED) return undefined;
  const compared = names.filter((name) => name.length <= LONGEST_COMPARED).slice(0, MOST_COMPARED);
  if (compared.length === 0) return undefined;
  const plain = (name: string) => name.toLowerCase().split("/").at(-1)!;
  // Often only the organisation or the case differs.
  const same = compared.find((name) => plain(name) === plain(model));
  if (same !== undefined) return same;
  const nearest = closest(model, compared);
  return distance(model, nearest) <= Math.ceil(model.length * MOST_SHARE) ? nearest : undefined;
}
