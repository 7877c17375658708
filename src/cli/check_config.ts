import Table from "cli-table3";
import type { Command } from "commander";
import type { ServerConfig } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { openConnections } from "../fleet/connections.ts";
import { checkHealth, fetchMetrics, fetchModels, type Probe } from "../fleet/probe.ts";
import { complainOf } from "./complain.ts";
import { configOption, examples } from "./options.ts";

interface Probed {
  readonly row: readonly string[];
  readonly ok: boolean;
}

/** Makes `command` the one that checks a configuration file and its servers. */
export function addCheckConfig(command: Command, ended: (code: number) => void): void {
  command
    .description("check the configuration file and ask every server how it is")
    .addOption(configOption())
    .addHelpText("after", examples("vllm-router check-config --config servers.toml"))
    .action(async ({ config }: { config: string }) => ended(await check(config)));
}

/** Checks a file, asks every server how it is and prints a table. Returns the exit code. */
async function check(path: string): Promise<number> {
  const { checked } = await loadConfig(path);
  complainOf(checked);
  if (!checked.ok) return 1;
  const { servers, settings } = checked.config;
  const connections = openConnections();
  const probed = await Promise.all(servers.map((server) =>
    ask(server, {
      client: connections.to(server).client,
      timeoutMs: settings.healthCheckTimeoutMs,
      signal: new AbortController().signal,
    })
  ));
  connections.close();

  const table = new Table({
    head: [
      "server",
      "capacity",
      "health",
      "answered in",
      "running",
      "waiting",
      "models",
    ],
    style: { head: [], border: [] },
  });
  table.push(...probed.map(({ row }) => [...row]));
  console.log(table.toString());
  const failed = probed.filter(({ ok }) => !ok).length;
  console.log(
    failed === 0
      ? `${path}: all ${servers.length} servers are well`
      : `${path}: ${failed} of ${servers.length} servers have a problem`,
  );
  return failed === 0 ? 0 : 1;
}

async function ask(server: ServerConfig, probe: Probe): Promise<Probed> {
  const [check, models, metrics] = await Promise.all([
    checkHealth(server, probe),
    server.models ?? namesOf(server, probe),
    fetchMetrics(server, probe).catch(() => undefined),
  ]);
  return {
    ok: check.ok && models !== undefined,
    row: [
      server.url,
      String(server.capacity),
      check.ok ? "healthy" : "unhealthy",
      check.ok ? `${Math.round(check.responseMs)} ms` : "no answer",
      shown(metrics?.running),
      shown(metrics?.waiting),
      models?.join("\n") ?? "not told",
    ],
  };
}

async function namesOf(
  server: ServerConfig,
  probe: Probe,
): Promise<string[] | undefined> {
  const models = await fetchModels(server, probe).catch(() => undefined);
  return models?.map((model) => model.id);
}

function shown(value: number | undefined): string {
  return value === undefined ? "unknown" : String(value);
}
