import { checkConfig } from "../../src/config/schema.ts";
import { type Gateway, startGateway } from "../../src/gateway.ts";
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
): Promise<Gateway & { readonly url: string }> {
  const checked = checkConfig(
    { servers: { servers }, config: { ...QUICK, ...settings } },
    () => undefined,
    (name) => files[name]!,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  await setUpLog({ level: "error", console: "json" });
  const gateway = startGateway({
    hostname: "127.0.0.1",
    port: 0,
    config: checked.config,
  });
  const url = `http://127.0.0.1:${gateway.port}`;
  // The first request waits for the first round of checks.
  await (await fetch(`${url}/livez`)).body?.cancel();
  return Object.assign(gateway, { url });
}
