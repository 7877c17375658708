import { isIP } from "node:net";
import type { ApiError } from "../http/api_errors.ts";

/** The error for a request whose `Host` is not one of the router's names. */
export const misdirected: ApiError = {
  status: 421,
  message: "This `Host` is not allowed here. To allow it, add it to admin.hosts.",
  type: "invalid_request_error",
  code: "misdirected",
};

type RequestHead = Pick<Request, "url" | "headers">;

/** Whether a request is same-origin: browsers send `origin` even for a page's own scripts. */
export function isOwnPage(request: RequestHead): boolean {
  return URL.parse(request.headers.get("origin") ?? "")?.host === authorityOf(request);
}

/** The host and port that a request was sent to. HTTP/2 requests have no `Host`. */
function authorityOf({ url, headers }: RequestHead): string {
  return headers.get("host") ?? URL.parse(url)?.host ?? "";
}

/**
 * Whether a request was sent to one of this address's own names. In a DNS rebinding attack, the
 * page sends its own name. IP addresses and `localhost` can't be rebound, so they are always
 * allowed, with any port.
 *
 * @param names further allowed names, in lower case
 */
export function isOwnHost(request: RequestHead, names: readonly string[]): boolean {
  const [, v6, other = ""] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d*)?$/.exec(authorityOf(request)) ?? [];
  if (v6 !== undefined) return isIP(v6) === 6;
  const name = other.toLowerCase().replace(/\.$/, "");
  return isIP(name) === 4 || /^(.+\.)?localhost$/.test(name) || names.includes(name);
}
