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

/** Where a router is reached that listens on every address. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
/** What checks a container's health waits 3 s in all. */
const PATIENCE_MS = 2_000;

/** Makes `command` the one that asks a router on this machine whether it lives. */
export function addHealth(command: Command, ended: (code: number) => void): void {
  command
    .description("ask the router that runs on this machine whether it lives")
    .option("-h, --host <address>", "the address it listens on", "0.0.0.0")
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

/** Prints one line. Returns the exit code: 0 for a router that lives, ready or not. */
async function health({ host, port, config }: HealthOptions): Promise<number> {
  const address = hostAndPort(LOOPBACK[host] ?? host, port);
  const urls = ["http", "https"].map((scheme) => `${scheme}://${address}`);
  // What stands in the file may be newer than what runs, or be spoilt: then the other is tried.
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

/** What a router says of itself. Asks for no key, and whatever certificate it shows is its own. */
async function stateAt(url: string): Promise<string> {
  const { status, body } = await get(`${url}/readyz`, { timeoutMs: PATIENCE_MS, trust: "any" });
  if (status === 200 && body.includes('"ready"')) return "is alive and ready";
  if (status === 503 && body.includes('"not_ready"')) return "is alive, but not ready";
  throw new Error(`it answered ${status}, as a router would not`);
}
