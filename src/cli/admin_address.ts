import { type Command, Option } from "commander";
import { loadConfig } from "../config/file/load.ts";
import { complain } from "./complain.ts";
import { get, type GetOptions } from "./get.ts";
import { localAddress } from "./health.ts";
import { configOption } from "./options.ts";

/** How a command finds the admin address, and its key there. */
export interface AdminTarget {
  readonly config: string;
  readonly apiKey?: string;
  readonly url?: string;
}

/** A response of the router; `body` is what its JSON says. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const PATIENCE_MS = 10_000;

/** Adds the options of commands that use the admin address of the router on this machine. */
export function addAdminOptions(command: Command): Command {
  return command.addOption(configOption()).addOption(
    new Option("--api-key <key>", "one of admin.api_keys, if there are any")
      .env("VLLM_ROUTER_ADMIN_KEY"),
  );
}

/**
 * Sends a request to the admin address.
 *
 * @param value sent as JSON
 */
export type AskAdmin = (
  method: NonNullable<GetOptions["method"]>,
  path: string,
  value?: unknown,
) => Promise<AdminAnswer>;

/**
 * Returns how to ask at the admin address: the given one, or that in the configuration file. Both
 * this and asking throw errors that explain themselves in one line.
 */
export async function adminAddress({ config, url, apiKey }: AdminTarget): Promise<AskAdmin> {
  const address = url ?? await addressIn(config);
  return async function ask(method, path, value) {
    const answer = await get(address + path, {
      method,
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      ...(value !== undefined && { body: JSON.stringify(value) }),
      timeoutMs: PATIENCE_MS,
      trust: "any",
    }).catch((error) => {
      throw new Error(`no router answers at ${address}: ${error.message}`);
    });
    if (answer.status < 300) return { ...answer, body: jsonIn(answer.body) };
    const { error } = jsonIn(answer.body);
    const { message = error } = Object(error);
    if (typeof message !== "string") {
      throw new Error(`unexpected status ${answer.status} from ${address}`);
    }
    if (answer.status !== 401) throw new Error(message);
    throw new Error(
      apiKey === undefined
        ? `the router at ${address} requires one of admin.api_keys; pass it with --api-key`
        : `the router at ${address} rejected the key; expected one of admin.api_keys`,
    );
  };
}

async function addressIn(config: string): Promise<string> {
  const { checked } = await loadConfig(config);
  if (!checked.ok) {
    throw new Error(`${config} is not valid; \`vllm-router check-config\` says why`);
  }
  const { adminListen } = checked.config.access;
  if (!adminListen) {
    throw new Error(`${config} has no [admin] address, at which servers are changed`);
  }
  return `http://${localAddress(adminListen.hostname, adminListen.port)}`;
}

function jsonIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Runs a command, and prints why it failed. Returns the exit code. */
export async function codeOf(run: () => Promise<void>): Promise<number> {
  try {
    await run();
    return 0;
  } catch (error) {
    complain((error as Error).message);
    return 1;
  }
}
