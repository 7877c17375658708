import type { Command } from "commander";
import { loadConfig } from "../config/file/load.ts";
import { complain } from "./complain.ts";
import { get } from "./get.ts";
import { configOption, examples } from "./options.ts";
import { localAddress } from "./health.ts";

interface DrainOptions {
  readonly config: string;
  readonly undo: boolean;
}

const PATIENCE_MS = 5_000;

/** Turns `command` into `drain`, which drains a server of the router on this machine. */
export function addDrain(command: Command, ended: (code: number) => void): void {
  command
    .description("give a server no new requests, so that it can be restarted")
    .argument("<name>", "the server's name")
    .option("--undo", "give it requests again", false)
    .addOption(configOption())
    .addHelpText(
      "after",
      examples(
        "vllm-router drain gpu-1 --config /etc/vllm-router/servers.toml",
        "vllm-router drain gpu-1 --undo",
      ),
    )
    .action(async (name: string, options: DrainOptions) => ended(await drain(name, options)));
}

/** Prints one line. Returns the exit code. */
async function drain(name: string, { config, undo }: DrainOptions): Promise<number> {
  const { checked } = await loadConfig(config);
  if (!checked.ok) {
    complain(`${config} is not valid; \`vllm-router check-config\` says why`);
    return 1;
  }
  const { adminListen } = checked.config.access;
  if (!adminListen) {
    complain(`${config} has no [admin] address, at which servers are drained`);
    return 1;
  }
  const { hostname, port } = adminListen;
  const address = `http://${localAddress(hostname, port)}`;
  try {
    const { status, body } = await get(`${address}/servers/${encodeURIComponent(name)}/drain`, {
      method: undo ? "DELETE" : "POST",
      timeoutMs: PATIENCE_MS,
      trust: "any",
    });
    if (status === 200) {
      console.log(undo ? `${name} gets requests again` : `${name} gets no new requests`);
      return 0;
    }
    complain(messageIn(body) ?? `unexpected status ${status} from ${address}`);
  } catch (error) {
    complain(`no router answers at ${address}: ${(error as Error).message}`);
  }
  return 1;
}

function messageIn(body: string): string | undefined {
  try {
    return JSON.parse(body).error?.message;
  } catch {
    return undefined;
  }
}
