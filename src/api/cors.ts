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
