/**
 * The router with and without keeping what another server needs to go on with a stream. The server
 * tells token ids to the one that asks for them.
 */
import type { Proxy } from "../proxies/proxy.ts";
import { startRouter } from "../proxies/router.ts";

export const CONTINUING = "continue_streams = true";
export const NOT_CONTINUING = "continue_streams = false";

/** The two variants to compare. */
export const continuations: readonly Proxy[] = [CONTINUING, NOT_CONTINUING].map((setting) => ({
  name: setting,
  canServeTls: false,
  start: (setup) => startRouter(setup, `${setting}\n`),
}));
