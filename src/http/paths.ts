/**
 * Returns the path and query of a URL, unchanged. Both the path check and the proxy must use this
 * function: if two parsers disagreed, a request could reach a path that was never allowed.
 */
export function targetOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}

/** Returns the path of a request's target, without its query. */
export function pathIn(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}

/** Valid characters of a host and port. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/**
 * Returns the path of a request without decoding it, so that only the exact spelling of a path
 * matches. Empty for an invalid URL: the runtime concatenates the unchecked `Host` and target, so
 * part of `Host` could become the start of the path.
 */
export function pathOf({ url, headers }: Pick<Request, "url" | "headers">): string {
  const authority = url.indexOf("//") + 2;
  const start = url.indexOf("/", authority);
  if (start === -1 || url.includes("#") || !HOST.test(url.slice(authority, start))) return "";
  const host = headers.get("host");
  if (host !== null && !HOST.test(host)) return "";
  const query = url.indexOf("?", start);
  return url.slice(start, query === -1 ? undefined : query);
}
