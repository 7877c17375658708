import { monotonicMs } from "../util/clock.ts";
import Table from "cli-table3";
import type { Command } from "commander";
import type { ServerConfig, Settings } from "../config/config.ts";
import { loadConfig } from "../config/file/load.ts";
import { openClientPool } from "../http/client_pool.ts";
import {
  checkHealth,
  fetchMetrics,
  fetchModels,
  type Probe,
  Unauthorized,
} from "../polling/probe.ts";
import { failureIn } from "../http/fetch_error.ts";
import { isRoutable, newServer, reasonOf, stateOf } from "../fleet/state/server.ts";
import { applyCheck } from "../fleet/state/server_events.ts";
import { complainOf } from "./complain.ts";
import { countOf } from "./count.ts";
import { configOption, examples } from "./options.ts";

interface Probed {
  readonly row: readonly string[];
  /** Why the server gets no requests, human-readable; `undefined` if it does get them. */
  readonly problem: string | undefined;
}

/** Turns `command` into `check-config`, which checks a configuration file and its servers. */
export function addCheckConfig(command: Command, ended: (code: number) => void): void {
  command
    .description("check the configuration file and probe every server")
    .addOption(configOption())
    .addHelpText("after", examples("vllm-router check-config --config servers.toml"))
    .action(async ({ config }: { config: string }) => ended(await check(config)));
}

/** Checks a file, probes every server and prints a table. Returns the exit code. */
async function check(path: string): Promise<number> {
  const { checked } = await loadConfig(path);
  complainOf(checked);
  if (!checked.ok) return 1;
  const { servers, settings } = checked.config;
  const connections = openClientPool();
  const probed = await Promise.all(servers.map((server) =>
    ask(server, settings, {
      fetch: connections.to(server).fetch,
      timeoutMs: settings.healthCheckTimeoutMs,
      signal: new AbortController().signal,
    })
  ));
  connections.close();

  // Few, narrow columns: with short names the table fits 80 columns.
  const table = new Table({
    head: ["server", "state", "latency", "running", "waiting", "models"],
    style: { head: [], border: [] },
  });
  table.push(...probed.map(({ row }) => [...row]));
  console.log(table.toString());
  const bad = probed.filter(({ problem }) => problem !== undefined);
  for (const { row: [name], problem } of bad) console.log(`${name}: ${problem}`);
  console.log(`${path}: ${summary(bad.length, servers.length)}`);
  return bad.length === 0 ? 0 : 1;
}

function summary(failed: number, all: number): string {
  const servers = countOf(all, "server");
  if (failed > 0) return `${failed} of ${servers} ${failed === 1 ? "has" : "have"} a problem`;
  return all === 1 ? "the server is healthy" : `all ${servers} are healthy`;
}

async function ask(config: ServerConfig, settings: Settings, probe: Probe): Promise<Probed> {
  const [check, models, metrics] = await Promise.all([
    checkHealth(config, probe),
    config.models ?? namesOf(config, probe),
    fetchMetrics(config, probe).catch(() => undefined),
  ]);
  // The state that the router itself would derive from these probes.
  const server = { ...newServer(0, config), asleep: metrics?.asleep ?? false };
  const circumstances = { settings, now: monotonicMs(), random: Math.random };
  server.reason = applyCheck(server, check, false, circumstances);
  if (models instanceof Error) {
    server.modelsFailure = {
      why: failureIn(models),
      isUnauthorized: models instanceof Unauthorized,
    };
  } else server.models = new Map(models.map((id) => [id, { id }]));
  const state = stateOf(server);
  const running = metrics?.running;
  return {
    row: [
      config.name,
      state,
      check.ok ? `${Math.round(check.responseMs)} ms` : "–",
      running === undefined ? "unknown" : `${running} of ${config.capacity}`,
      String(metrics?.waiting ?? "unknown"),
      models instanceof Error ? "unknown" : models.join("\n"),
    ],
    problem: isRoutable(state) ? undefined : reasonOf(server),
  };
}

/** Returns the names of the models that a server lists, or the error that prevented it. */
async function namesOf(server: ServerConfig, probe: Probe): Promise<string[] | Error> {
  try {
    return (await fetchModels(server, probe)).map(({ id }) => id);
  } catch (error) {
    return error as Error;
  }
}
