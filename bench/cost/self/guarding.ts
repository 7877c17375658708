/**
 * The router with and without all access checks: keys, their limits, a limit per client and trusted
 * proxies. Both get the same requests and forward the same, since the server has its own key.
 */
import { authTable } from "../proxies/keys.ts";
import type { Proxy } from "../proxies/proxy.ts";
import { startRouter } from "../proxies/router.ts";

export const GUARDING = "with all checks";
export const NOT_GUARDING = "without";

/** A limit that is never reached, so that no request is rejected. */
const PLENTY = 1_000_000_000;

/** Headers of all requests of the load besides the key, with and without checks. */
export const GUARDED_HEADERS: Readonly<Record<string, string>> = {
  "x-forwarded-for": "203.0.113.7, 10.0.0.1",
  origin: "https://app.example.com",
};

const LIMITS = [
  `models = ["simulated-model"]`,
  `requests_per_minute = ${PLENTY}`,
  `max_in_flight = ${PLENTY}`,
];
const CHECKS = `max_in_flight_per_client = ${PLENTY}
trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "192.168.0.0/16", "fd00::/8"]
${authTable(LIMITS)}[cors]
allow_origins = ["https://app.example.com"]
`;

/** The two variants to compare. */
export const guards: readonly Proxy[] = [
  { name: GUARDING, canServeTls: false, start: (setup) => startRouter(setup, CHECKS) },
  { name: NOT_GUARDING, canServeTls: false, start: (setup) => startRouter(setup) },
];
