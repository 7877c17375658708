import { isInstalled } from "../../support/processes.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { type Other, otherProxy } from "./other.ts";
import type { Proxy } from "./proxy.ts";
import { type Http1, routerWith } from "./router.ts";

/**
 * Returns the router and the proxies to compare it with.
 *
 * @param http1 another implementation of HTTP/1.1 in the router, measured as well
 */
export function availableProxies(
  others: readonly Other[],
  http1?: Http1,
): { readonly proxies: readonly Proxy[]; readonly missing: readonly string[] } {
  const known = [
    { proxy: nginx, isHere: isInstalled("nginx") },
    { proxy: haproxy, isHere: isInstalled("haproxy") },
  ];
  return {
    proxies: [
      routerWith(),
      ...http1 ? [routerWith(http1)] : [],
      ...known.filter(({ isHere }) => isHere).map(({ proxy }) => proxy),
      ...others.map(otherProxy),
    ],
    missing: known.filter(({ isHere }) => !isHere).map(({ proxy }) => proxy.name),
  };
}
