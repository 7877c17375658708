import { checkConfig } from "../../src/config/schema.ts";
import { type Gateway, startGateway } from "../../src/gateway.ts";
import { until } from "./until.ts";
import { setUpLog } from "../../src/monitor/log.ts";

/** A server, spelled as in the configuration file. */
export interface TestServer {
  readonly url: string;
  readonly max_concurrent_requests?: number;
  readonly name?: string;
  readonly api_key?: string;
  readonly models?: readonly string[];
  readonly health_path?: string;
  readonly ca?: string;
  readonly tls_skip_verify?: boolean;
}

/** The way of HTTP/1.1 to test: the router's own, or the runtime's with `HTTP1=deno`. */
export const http1 = Deno.env.get("HTTP1") === "deno" ? "deno" : "own";

/** Short intervals, so that a test sees changes quickly, and time for answers on a slow machine. */
const QUICK = {
  metrics_interval: 0.05,
  health_check_interval: 0.1,
  health_check_timeout: 5,
  request_timeout: 5,
};

/**
 * Starts a real router on a free loopback port in front of the servers. It is ready once every
 * server has been checked.
 */
export async function startRouter(
  servers: readonly TestServer[],
  settings: Record<string, unknown> = {},
  files: Readonly<Record<string, string>> = {},
  tables: Readonly<Record<string, unknown>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Gateway & { readonly url: string }> {
  const checked = checkConfig(
    { servers: { servers }, config: { ...QUICK, ...settings }, server: { http1 }, ...tables },
    (name) => env[name],
    (name) => files[name]!,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  await setUpLog({ level: "error", console: "json" });
  const gateway = startGateway({
    hostname: "127.0.0.1",
    port: 0,
    config: checked.config,
  });
  const url = `${checked.config.access.tls ? "https" : "http"}://127.0.0.1:${gateway.port}`;
  await until(
    "every server was checked",
    () => gateway.fleet.snapshot().servers.every(({ state }) => state !== "checking"),
  );
  return Object.assign(gateway, { url });
}
