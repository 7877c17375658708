import type { Command } from "commander";
import { hostAndPort } from "../config/access_schema.ts";
import { loadConfig } from "../config/file/load.ts";
import { complain } from "./complain.ts";
import { get } from "./get.ts";
import { configOption, examples, routerPortOption } from "./options.ts";

interface HealthOptions {
  readonly host: string;
  readonly port: number;
  readonly config: string;
}

/** Where to reach a router that listens on all addresses. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The address at which a router on this machine is reached that listens on this one. */
export function localAddress(host: string, port: number): string {
  return hostAndPort(LOOPBACK[host] ?? host, port);
}

/** Less than the 3 s that the image's health check allows. */
const PATIENCE_MS = 2_000;

/** Turns `command` into `health`, which checks whether the router on this machine is alive. */
export function addHealth(command: Command, ended: (code: number) => void): void {
  command
    .description("check whether the router on this machine is alive")
    .option("-h, --host <address>", "the address that the router listens on", "0.0.0.0")
    .addOption(routerPortOption())
    .addOption(configOption())
    .addHelpText(
      "after",
      examples(
        "vllm-router health",
        "vllm-router health --config /etc/vllm-router/servers.toml --port 8888",
      ),
    )
    .action(async (options: HealthOptions) => ended(await health(options)));
}

/** Prints one line. Returns the exit code: 0 if the router is alive, ready or not, else 1. */
async function health({ host, port, config }: HealthOptions): Promise<number> {
  const address = localAddress(host, port);
  const urls = ["http", "https"].map((scheme) => `${scheme}://${address}`);
  // The file may be invalid, or newer than the running configuration: then try the other scheme.
  const { checked } = await loadConfig(config);
  if (checked.ok && checked.config.access.tls) urls.reverse();
  let failure: string | undefined;
  for (const url of urls) {
    try {
      console.log(`the router at ${url} ${await stateAt(url)}`);
      return 0;
    } catch (error) {
      failure ??= `no router answers at ${url}: ${(error as Error).message}`;
    }
  }
  complain(failure!);
  return 1;
}

/** Returns the state that `/readyz` reports. Needs no key and accepts any certificate. */
async function stateAt(url: string): Promise<string> {
  const { status, body } = await get(`${url}/readyz`, { timeoutMs: PATIENCE_MS, trust: "any" });
  if (status === 200 && body.includes('"ready"')) return "is alive and ready";
  if (status === 503 && body.includes('"not_ready"')) return "is alive but not ready";
  throw new Error(`unexpected status ${status}; this is not a vllm-router`);
}
