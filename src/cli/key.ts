import type { Command } from "commander";
import { writtenHash } from "../config/key_hash.ts";
import { examples } from "./options.ts";

/** The prefix by which people and secret scanners recognise a key. */
const PREFIX = "vr-";
const RANDOM_BYTES = 32;

/** Turns `command` into `key`, which creates clients' API keys. */
export function addKey(command: Command): void {
  command.description("create API keys for clients").addHelpText("after", examples(EXAMPLE));
  command.command("new")
    .description("print a new key and its line for api_keys")
    .helpOption("--help", "show help")
    .allowExcessArguments(false)
    .option("--name <name>", "the key's name in logs and metrics", "client")
    .addHelpText("after", examples(EXAMPLE))
    .action(({ name }: { name: string }) => {
      const key = newKey();
      console.log(`${key}\n{ name = ${JSON.stringify(name)}, key = "${writtenHash(key)}" },`);
    });
}

const EXAMPLE = "vllm-router key new --name lab";

/** Returns a key with 256 random bits in base64url. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return PREFIX + bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
