import { createAdmission } from "./admission.ts";
import { createProxy, type Proxy } from "./proxy.ts";
import type { ProxyOptions } from "./proxy_options.ts";
import { createRealtime } from "./realtime/realtime.ts";
import { createResponseHomes } from "./stored/response_homes.ts";
import { createRetryBudget } from "./retry_budget.ts";

/** Handles all forwarded requests, under one admission and one retry budget. */
export interface Proxies {
  readonly proxy: Proxy;
  /** Takes WebSockets. */
  readonly realtime: Proxy;
}

/** Creates the handlers of all forwarded requests. */
export function createProxies(
  options: Omit<ProxyOptions, "admission" | "retries" | "homes">,
): Proxies {
  const shared = {
    ...options,
    admission: createAdmission(() => options.fleet.settings),
    retries: createRetryBudget(() => performance.now()),
    homes: createResponseHomes(),
  };
  return { proxy: createProxy(shared), realtime: createRealtime(shared) };
}
