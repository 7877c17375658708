import type { Command } from "commander";
import { addAdminOptions, adminAddress, type AdminTarget, codeOf } from "./admin_address.ts";
import { examples } from "./options.ts";

interface DrainOptions extends AdminTarget {
  readonly undo: boolean;
}

/** Turns `command` into `drain`, which drains a server of the router on this machine. */
export function addDrain(command: Command, ended: (code: number) => void): void {
  addAdminOptions(
    command
      .description("give a server no new requests, so that it can be restarted")
      .argument("<name>", "the server's name")
      .option("--undo", "give it requests again", false),
  )
    .addHelpText(
      "after",
      examples(
        "vllm-router drain gpu-1 --config /etc/vllm-router/servers.toml",
        "vllm-router drain gpu-1 --undo",
      ),
    )
    .action(async (name: string, options: DrainOptions) =>
      ended(await codeOf(() => drain(name, options)))
    );
}

/** Drains a server, or ends that, and prints one line. */
async function drain(name: string, { undo, ...target }: DrainOptions): Promise<void> {
  const ask = await adminAddress(target);
  await ask(undo ? "DELETE" : "POST", `/servers/${encodeURIComponent(name)}/drain`);
  console.log(undo ? `${name} gets requests again` : `${name} gets no new requests`);
}
