import { isIP } from "node:net";
import type { ApiError } from "../http/api_errors.ts";

/** What a request gets that was sent to another name. */
export const misdirected: ApiError = {
  status: 421,
  message: "This address answers only to its own names: add the one in `Host` to admin.hosts.",
  type: "invalid_request_error",
};

type Asked = Pick<Request, "url" | "headers">;

/** Whether a page of this very address asks: a browser fetches its scripts with its origin. */
export function isOwnPage(request: Asked): boolean {
  return URL.parse(request.headers.get("origin") ?? "")?.host === authorityOf(request);
}

/** Host and port that a request was sent to. HTTP/2 has no `Host`. */
function authorityOf({ url, headers }: Asked): string {
  return headers.get("host") ?? URL.parse(url)?.host ?? "";
}

/**
 * Whether a request was sent to a name of this address. A page whose own name leads to this machine
 * (DNS rebinding) sends its own. IP addresses and `localhost` can't be made to lead elsewhere, so
 * they are always good, with any port.
 *
 * @param names further ones, in lower case
 */
export function isOwnHost(request: Asked, names: readonly string[]): boolean {
  const [, v6, other = ""] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d*)?$/.exec(authorityOf(request)) ?? [];
  if (v6 !== undefined) return isIP(v6) === 6;
  const name = other.toLowerCase().replace(/\.$/, "");
  return isIP(name) === 4 || /^(.+\.)?localhost$/.test(name) || names.includes(name);
}
