import { freePort, type Listening, startListening } from "../../support/processes.ts";
import { authTable } from "./keys.ts";
import { type Proxy, ROUTER, type Setup } from "./proxy.ts";

/** More than the concurrent requests of the largest part. */
export const CAPACITY = 16_384;

/** Implementations of HTTP/1.1 that the router can be configured with. */
export const HTTP1 = ["own", "deno"] as const;
export type Http1 = (typeof HTTP1)[number];

/**
 * Returns the router with all its duties: keys, hashing of prompts, retries, metrics and a log at
 * level info.
 *
 * @param http1 the setting `[server] http1`. @default not set
 */
export function routerWith(http1?: Http1): Proxy {
  const server = http1 ? `[server]\nhttp1 = "${http1}"\n` : "";
  return {
    name: http1 ? `${ROUTER}, http1 = ${http1}` : ROUTER,
    canServeTls: true,
    start: (setup) => startRouter(setup, authTable() + server),
  };
}

/**
 * Starts a router with a configuration file.
 *
 * @param more lines after `[config]` and its first keys: further keys and tables
 * @param models of the server. @default those that it lists
 */
export async function startRouter(
  { upstream, folder, tls }: Setup,
  more = "",
  models?: readonly string[],
): Promise<Listening> {
  const port = freePort();
  const file = `${folder}/router-${port}.toml`;
  const server =
    `url = "http://127.0.0.1:${upstream}", max_concurrent_requests = ${CAPACITY}, api_key = "server"` +
    (models ? `, models = ${JSON.stringify(models)}` : "");
  const certificate = tls ? `[tls]\ncert = "${tls.certFile}"\nkey = "${tls.keyFile}"\n` : "";
  await Deno.writeTextFile(
    file,
    `[servers]\nservers = [{ ${server} }]\n[config]\nmax_in_flight = ${CAPACITY}\n${more}${certificate}`,
  );
  const main = new URL("../../../main.ts", import.meta.url).pathname;
  // deno-fmt-ignore
  return startListening(Deno.execPath(), [
    "run", "--quiet", "--allow-net", "--allow-read", "--allow-env", main, "run", "--console",
    "--config", file, "--host", "127.0.0.1", "--port", String(port), "--log-level", "info",
  ], port);
}
