import assert from "node:assert/strict";
import { Command } from "commander";
import { createDocuments, type DocumentsOptions } from "../../src/api/documents.ts";
import { DRAIN_PATH } from "../../src/api/drain.ts";
import type { ServerChanges } from "../../src/api/change_servers.ts";
import { ADAPTER_PATHS } from "../../src/api/lora.ts";
import { workerUrlRoutes } from "../../src/api/worker_urls.ts";
import { workerRoutes } from "../../src/api/workers.ts";
import { addCheckConfig } from "../../src/cli/check_config.ts";
import { addDemo } from "../../src/cli/demo.ts";
import { addDrain } from "../../src/cli/drain.ts";
import { addHealth } from "../../src/cli/health.ts";
import { addKey } from "../../src/cli/key.ts";
import { addRun } from "../../src/cli/run.ts";
import { addServers } from "../../src/cli/servers.ts";
import { addSimulate } from "../../src/cli/simulate.ts";
import { addTop } from "../../src/cli/top.ts";
import { PEERS_PATH } from "../../src/peers/status.ts";
import { policyNames } from "../../src/routing/policies.ts";
import { endpoints } from "../../src/vllm/endpoints.ts";
import { exportedMetrics } from "../deploy/exported.ts";
import { codeIn, read, section, tableWith } from "./pages.ts";

const CLI = read("docs/cli.md");
const ENDPOINTS = read("docs/endpoints.md");
const MONITORING = read("docs/monitoring.md");

/** A flag as a row of a table shows it: its form, its default and its environment variable. */
type Flag = readonly string[];

function flagsOf(add: (command: Command, ended: (code: number) => void) => void): readonly Flag[] {
  const command = new Command();
  add(command, () => {});
  return flagsIn(command);
}

function flagsIn(command: Command): readonly Flag[] {
  return command.options.map(({ flags, defaultValue, envVar, description, ...option }) => {
    const takesValue = option.required || option.optional;
    const none = takesValue ? "none" : "off";
    const fallback = !defaultValue || option.negate ? none : [defaultValue].flat().join(" ");
    return [
      flags,
      defaultValue === 0 ? "0" : fallback,
      envVar ?? /\(env: (\w+)\)/.exec(description)?.[1] ?? "",
    ];
  }).sort();
}

Deno.test("docs/cli.md lists every flag with its default and its variable", () => {
  const own = (key: string) => tableWith(CLI, key).map((row) => row.slice(0, 3)).sort();
  assert.deepEqual(own("--server <url[=capacity]>"), flagsOf(addRun));
  const simulated = own("--prefill-doubles-at <tokens>");
  assert.deepEqual(
    simulated.map(([flag, value]) => [flag, value, ""]),
    flagsOf(addSimulate),
  );
  const [newKey] = addedKey().commands;
  const others = Object.entries({
    "check-config": flagsOf(addCheckConfig),
    drain: flagsOf(addDrain),
    ...Object.fromEntries(
      addedServers().commands.map((command) => [`servers ${command.name()}`, flagsIn(command)]),
    ),
    top: flagsOf(addTop),
    health: flagsOf(addHealth),
    demo: flagsOf(addDemo),
    "key new": flagsIn(newKey!),
  }).flatMap(([command, flags]) => flags.map((flag) => [command, ...flag]));
  const rows = section(CLI, "flags-of-the-other-commands").split("\n\n")[1]!.trim().split("\n")
    .slice(2).map((row) =>
      row.split("|").slice(1, 5).map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"))
    );
  assert.deepEqual(rows.sort(), others.sort());
});

function addedServers(): Command {
  const command = new Command();
  addServers(command, () => {});
  return command;
}

function addedKey(): Command {
  const command = new Command();
  addKey(command);
  return command;
}

Deno.test("docs/endpoints.md lists every forwarded path", () => {
  const rows = section(ENDPOINTS, "forwarded").split("\n").filter((line) => line.startsWith("| "))
    .slice(2);
  const ofRow = (row: string) => codeIn(row.split("|")[2]!).map((path) => path.trim());
  const gets = rows.filter((row) => row.startsWith("| a `GET`")).flatMap(ofRow);
  const posts = rows.filter((row) => !row.startsWith("| a `GET`")).flatMap(ofRow);
  const pathsOf = (method: string) =>
    endpoints.filter((endpoint) => endpoint.method === method).map(({ path }) => path).sort();
  assert.deepEqual(posts.sort(), pathsOf("POST"));
  assert.deepEqual(gets.sort(), pathsOf("GET"));
});

Deno.test("docs/endpoints.md lists every path that the router answers itself", () => {
  const options = { monitor: {}, metrics: {}, modelNames: () => [], stopping: undefined };
  const { open, listings, admin } = createDocuments(options as unknown as DocumentsOptions);
  const paths = Object.keys({ ...open, ...listings, ...admin })
    // The page's own files and data.
    .filter((path) => !path.startsWith("/dashboard/"))
    .map((path) => path.replace(":id{.+}", "{id}"));
  assert.deepEqual(tableWith(ENDPOINTS, "/readyz").map(([path]) => path).sort(), paths.sort());
  const operations = [DRAIN_PATH.replace(":name", "{name}"), PEERS_PATH, ...ADAPTER_PATHS].sort();
  const rows = tableWith(ENDPOINTS, "/v1/load_lora_adapter");
  assert.deepEqual(rows.map(([path]) => path).sort(), operations);
});

Deno.test("docs/endpoints.md lists every path at which servers are changed, with its methods", () => {
  const changes = {} as ServerChanges;
  const routes = { ...workerRoutes(changes, () => true), ...workerUrlRoutes(changes) };
  const paths = Object.entries(routes).flatMap(([path, handlers]) =>
    Object.keys(handlers).map((method) => `${method} ${path.replace(":id", "{id}")}`)
  );
  const rows = tableWith(ENDPOINTS, "/list_workers").flatMap(([path, methods]) =>
    methods!.split(", ").map((method) => `${method.replaceAll("`", "")} ${path}`)
  );
  assert.deepEqual(rows.sort(), paths.sort());
});

Deno.test("docs/monitoring.md lists every metric with its type and its labels", async () => {
  const ofTarget = ["job", "instance", "le"];
  const exported = [...await exportedMetrics()].map(([name, { type, labels }]) => [
    name,
    type,
    [...labels].filter((label) => !ofTarget.includes(label)).sort().join(),
  ]);
  const rows = tableWith(MONITORING, "vllm_router_server_up").map(([name, type, labels]) => [
    name,
    type,
    [...labels!.matchAll(/\w+/g)].flat().sort().join(),
  ]);
  assert.deepEqual(rows.sort(), exported.sort());
});

Deno.test("docs/monitoring.md and docs/endpoints.md list every state of a server", () => {
  const [, union] = /export type ServerState =([^;]+);/.exec(read("src/fleet/state/server.ts"))!;
  const states = [...union!.matchAll(/"([^"]+)"/g)].map(([, state]) => state!).sort();
  assert.deepEqual(tableWith(MONITORING, "half-open").map(([state]) => state).sort(), states);
  const [, listed] = /`health_status` \((`checking`[^)]+)\)/.exec(ENDPOINTS)!;
  assert.deepEqual([...codeIn(listed!)].sort(), states);
});

Deno.test("docs/routing.md lists every policy", () => {
  const rows = tableWith(read("docs/routing.md"), "round_robin");
  assert.deepEqual(rows.map(([policy]) => policy).sort(), [...policyNames].sort());
});
