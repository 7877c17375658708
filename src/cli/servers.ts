import { type Command, InvalidArgumentError } from "commander";
import { baseAddress } from "../config/servers.ts";
import { harmless } from "../monitor/terminal/text.ts";
import {
  addAdminOptions,
  adminAddress,
  type AdminTarget,
  type AskAdmin,
  codeOf,
} from "./admin_address.ts";
import { examples, number } from "./options.ts";
import { tableOf } from "./table.ts";

interface AddOptions extends AdminTarget {
  readonly name?: string;
  readonly capacity?: number;
  readonly serverKey?: string;
}

interface DrainOptions extends AdminTarget {
  readonly undo: boolean;
}

/** A server as the router describes it. */
interface Worker {
  readonly id: string;
  readonly url: string;
  readonly name: string;
  readonly source: string;
  readonly health_status: string;
  readonly load: number;
  readonly max_concurrent_requests: number;
  readonly models: readonly { readonly id: string }[];
}

const NAME = "the server's name, URL or id";

/** Turns `command` into `servers`, whose commands list and change a router's servers. */
export function addServers(command: Command, ended: (code: number) => void): void {
  command.description("list, add, drain and remove the servers of a running router")
    .addHelpText(
      "after",
      examples(
        "vllm-router servers list",
        "vllm-router servers add http://gpu-server-3:8000 --name gpu-3 --capacity 64",
        "vllm-router servers remove gpu-3",
      ),
    );
  const add = (name: string, description: string, ...lines: string[]) =>
    addAdminOptions(
      command.command(name).description(description)
        .helpOption("--help", "show help")
        .allowExcessArguments(false)
        .addHelpText("after", examples(...lines)),
    ).option("--url <url>", "the admin address, instead of the one in the file", adminUrl);

  add(
    "list",
    "print the router's servers",
    "vllm-router servers list",
    "vllm-router servers list --url http://router-1:9090",
  ).action(async (options: AdminTarget) => ended(await codeOf(() => list(options))));
  add(
    "add",
    "add a server",
    "vllm-router servers add http://gpu-server-3:8000 --name gpu-3 --capacity 64",
    "vllm-router servers add http://gpu-server-3:8000 --server-key '${VLLM_API_KEY}'",
  )
    .argument("<server>", "the server's URL")
    .option("--name <name>", "the server's name in logs, metrics and on the screens")
    .option(
      "--capacity <count>",
      "concurrent requests at which it counts as full, max_concurrent_requests",
      number({ least: 1, whole: true }),
    )
    .option("--server-key <key>", "API key of the server; a reference is kept over a restart")
    .action(async (server: string, options: AddOptions) =>
      ended(await codeOf(() => addServer(server, options)))
    );
  add(
    "drain",
    "give a server no new requests",
    "vllm-router servers drain gpu-3",
    "vllm-router servers drain gpu-3 --undo",
  )
    .argument("<name>", NAME)
    .option("--undo", "give it requests again", false)
    .action(async (name: string, options: DrainOptions) =>
      ended(await codeOf(() => drain(name, options)))
    );
  add("remove", "remove a server that was added", "vllm-router servers remove gpu-3")
    .argument("<name>", NAME)
    .action(async (name: string, options: AdminTarget) =>
      ended(await codeOf(() => remove(name, options)))
    );
}

/** The admin address speaks plain HTTP. */
function adminUrl(value: string): string {
  if (URL.parse(value)?.protocol === "http:") return value.replace(/\/+$/, "");
  throw new InvalidArgumentError("Expected a URL such as http://127.0.0.1:9090.");
}

async function list(target: AdminTarget): Promise<void> {
  const workers = await workersAt(await adminAddress(target));
  if (workers.length === 0) return console.log("no servers");
  const rows = workers.map((worker) => [
    worker.name,
    worker.url,
    worker.source,
    worker.health_status,
    `${worker.load}/${worker.max_concurrent_requests}`,
    worker.models.map(({ id }) => id).join(", "),
  ]);
  const head = ["server", "url", "source", "state", "load", "models"];
  console.log(tableOf(head, rows.map((row) => row.map(harmless))));
}

async function addServer(url: string, options: AddOptions): Promise<void> {
  const { name, capacity, serverKey, ...target } = options;
  const ask = await adminAddress(target);
  const { body } = await ask("POST", "/workers", {
    url,
    ...(name !== undefined && { name }),
    ...(capacity !== undefined && { max_concurrent_requests: capacity }),
    ...(serverKey !== undefined && { api_key: serverKey }),
  });
  const { warnings = [] } = body as { readonly warnings?: readonly string[] };
  for (const warning of warnings) console.error(`warning: ${harmless(warning)}`);
  console.log(`${name ?? url} is added`);
}

async function drain(name: string, { undo, ...target }: DrainOptions): Promise<void> {
  const ask = await adminAddress(target);
  await ask(undo ? "DELETE" : "POST", `${await pathOf(ask, name)}/drain`);
  console.log(undo ? `${name} gets requests again` : `${name} gets no new requests`);
}

async function remove(name: string, target: AdminTarget): Promise<void> {
  const ask = await adminAddress(target);
  await ask("DELETE", await pathOf(ask, name));
  console.log(`${name} is removed`);
}

async function workersAt(ask: AskAdmin): Promise<readonly Worker[]> {
  const { body: { workers } } = await ask("GET", "/workers");
  if (Array.isArray(workers)) return workers;
  throw new Error("unexpected response; this is not a vllm-router");
}

async function pathOf(ask: AskAdmin, named: string): Promise<string> {
  const workers = await workersAt(ask);
  // The server may have been added with a slash or /v1 at the end of its URL.
  const address = baseAddress(named);
  const found = workers.find(({ id, name }) => [name, id].includes(named)) ??
    workers.find(({ url }) => [named, address].includes(url));
  if (found) return `/workers/${found.id}`;
  throw new Error(`no server is named ${named}; \`vllm-router servers list\` prints all`);
}
