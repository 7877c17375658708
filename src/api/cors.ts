import type { ApiError } from "../http/api_errors.ts";

/** The error for a page that may not use the router. */
export const foreignOrigin: ApiError = {
  status: 403,
  message: "Pages of this origin may not use the router: see cors.allow_origins.",
  type: "permission_error",
  code: "origin_not_allowed",
};

/**
 * Returns the value of `access-control-allow-origin`; `undefined` if pages of this origin may not
 * use the router, or if the request has no origin and only some origins are allowed.
 *
 * @param origin origin of the requesting page, `null` if the request has none
 * @param allowed allowed origins; `*` allows all
 */
export function allowedOrigin(
  origin: string | null,
  allowed: readonly string[],
): string | undefined {
  if (allowed.includes("*")) return "*";
  return origin !== null && allowed.includes(origin) ? origin : undefined;
}

/**
 * Whether a request comes from a page that may not use the router. Browsers send some
 * requests without a preflight, such as a POST of plain text, and only hide the answers from the
 * page.
 */
export function isForeign(origin: string | null, allowed: readonly string[]): boolean {
  return origin !== null && allowedOrigin(origin, allowed) === undefined;
}

/**
 * Returns the CORS headers of a forwarded answer, to be set together with its other headers.
 * Credentials are never allowed: a page sends its key itself.
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
