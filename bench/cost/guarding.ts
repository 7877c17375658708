/**
 * The router with and without all access checks: keys, their limits, a limit per client and trusted
 * proxies. Both get the same requests and forward the same, since the server has its own key.
 */
import { writtenHash } from "../../src/config/key_hash.ts";
import { freePort, startListening } from "../support/processes.ts";
import { CAPACITY, type Proxy } from "./proxies.ts";

export const GUARDING = "with all checks";
export const NOT_GUARDING = "without";

/** The key that the load sends: the last one, although all are compared in any case. */
const KEY = "bench-key-20";
const KEYS = 20;
/** A limit that is never reached, so that no request is rejected. */
const PLENTY = 1_000_000_000;

/** Headers of all requests of the load, with and without checks. */
export const GUARDED_HEADERS: Readonly<Record<string, string>> = {
  authorization: `Bearer ${KEY}`,
  "x-forwarded-for": "203.0.113.7, 10.0.0.1",
  origin: "https://app.example.com",
};

/** The two variants to compare. */
export const guards: readonly Proxy[] = [
  { name: GUARDING, start: (upstream, folder) => start(upstream, folder, CHECKS) },
  { name: NOT_GUARDING, start: (upstream, folder) => start(upstream, folder, "") },
];

const keys = Array.from({ length: KEYS }, (_, index) => {
  const key = writtenHash(`bench-key-${index + 1}`);
  const limits = `requests_per_minute = ${PLENTY}, max_in_flight = ${PLENTY}`;
  return `{ name = "key-${index}", key = "${key}", models = ["simulated-model"], ${limits} },`;
});
const CHECKS = `max_in_flight_per_client = ${PLENTY}
trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "192.168.0.0/16", "fd00::/8"]
[auth]
api_keys = [
${keys.join("\n")}
]
[cors]
allow_origins = ["https://app.example.com"]
`;

async function start(upstream: number, folder: string, checks: string) {
  const port = freePort();
  const file = `${folder}/guarding-${port}.toml`;
  await Deno.writeTextFile(
    file,
    `[servers]
servers = [
  { url = "http://127.0.0.1:${upstream}", max_concurrent_requests = ${CAPACITY}, api_key = "server" },
]
[config]
${checks}`,
  );
  const main = new URL("../../main.ts", import.meta.url).pathname;
  // deno-fmt-ignore
  return startListening(Deno.execPath(), [
    "run", "--quiet", "--allow-net", "--allow-read", "--allow-env", main,
    "--config", file, "--host", "127.0.0.1", "--port", String(port), "--log-level", "warning",
  ], port);
}
