import type { ApiError } from "../http/api_errors.ts";

/** What a page gets that may not use the router. */
export const foreignOrigin: ApiError = {
  status: 403,
  message: "Pages of this origin may not use the router: see cors.allow_origins.",
  type: "permission_error",
};

/**
 * Whether a request comes from a page that may not use the router. A browser sends some requests
 * without asking first, such as a POST of plain text, and only hides their answers from the page.
 */
export function isForeign(origin: string | null, allowed: readonly string[]): boolean {
  return origin !== null && !allowed.includes("*") && !allowed.includes(origin);
}

/**
 * Headers that open an answer to the pages of an origin, if they may use the router. Never with
 * credentials: a page shows its key itself.
 *
 * @param origin of the page that asks, `null` where it is no page
 * @param allowed `*` stands for all
 */
export function corsHeaders(
  origin: string | null,
  allowed: readonly string[],
): [string, string][] {
  if (allowed.includes("*")) return [["access-control-allow-origin", "*"]];
  if (allowed.length === 0) return [];
  return origin !== null && allowed.includes(origin)
    ? [["access-control-allow-origin", origin], ["vary", "origin"]]
    : [["vary", "origin"]];
}
