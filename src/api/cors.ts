import type { ApiError } from "../http/api_errors.ts";

/** What a page gets that may not use the router. */
export const foreignOrigin: ApiError = {
  status: 403,
  message: "Pages of this origin may not use the router: see cors.allow_origins.",
  type: "permission_error",
};

/**
 * The value of `access-control-allow-origin`; `undefined` where pages of this origin may not use the
 * router, or where the request comes from no page and some origins only may.
 *
 * @param origin of the page that asks, `null` where it is no page
 * @param allowed `*` stands for all
 */
export function allowedOrigin(
  origin: string | null,
  allowed: readonly string[],
): string | undefined {
  if (allowed.includes("*")) return "*";
  return origin !== null && allowed.includes(origin) ? origin : undefined;
}

/**
 * Whether a request comes from a page that may not use the router. A browser sends some requests
 * without asking first, such as a POST of plain text, and only hides their answers from the page.
 */
export function isForeign(origin: string | null, allowed: readonly string[]): boolean {
  return origin !== null && allowedOrigin(origin, allowed) === undefined;
}

/**
 * The headers of a forwarded answer that open it to a page, so that they are set together with all
 * others. Never with credentials: a page shows its key itself.
 */
export function corsHeaders(
  origin: string | null,
  allowed: readonly string[],
): [string, string][] {
  const named = allowedOrigin(origin, allowed);
  const headers: [string, string][] = named ? [["access-control-allow-origin", named]] : [];
  if (named !== "*" && allowed.length > 0) headers.push(["vary", "origin"]);
  return headers;
}
