import type { Command } from "commander";
import { writtenHash } from "../config/key_hash.ts";
import { examples } from "./options.ts";

/** What a key begins with, so that people and scanners know it for one. */
const PREFIX = "vr-";
const RANDOM_BYTES = 32;

/** Makes `command` the one that deals with clients' keys. */
export function addKey(command: Command): void {
  command.description("make keys for clients").addHelpText("after", examples(EXAMPLE));
  command.command("new")
    .description("print a fresh key, and the line for api_keys that lets it in")
    .helpOption("--help", "show help")
    .allowExcessArguments(false)
    .option("--name <name>", "what logs and metrics call it", "client")
    .addHelpText("after", examples(EXAMPLE))
    .action(({ name }: { name: string }) => {
      const key = newKey();
      console.log(`${key}\n{ name = ${JSON.stringify(name)}, key = "${writtenHash(key)}" },`);
    });
}

const EXAMPLE = "vllm-router key new --name lab";

/** 256 random bits in URL-safe letters. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return PREFIX + bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
