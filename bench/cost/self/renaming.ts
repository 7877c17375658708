/** The router with and without an alias for the model of the streams. */
import type { Proxy } from "../proxies/proxy.ts";
import { startRouter } from "../proxies/router.ts";

export const RENAMING = "an alias";
export const NOT_RENAMING = "no alias";

/** The two variants to compare. The server doesn't care which model it is asked for. */
export const renamings: readonly Proxy[] = [
  {
    name: RENAMING,
    canServeTls: false,
    start: (setup) =>
      startRouter(setup, '[models]\naliases = { "simulated-model" = "served" }\n', ["served"]),
  },
  { name: NOT_RENAMING, canServeTls: false, start: (setup) => startRouter(setup) },
];
