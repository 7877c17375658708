import { monotonicMs } from "../util/clock.ts";
import type { Command } from "commander";
import type { Peers, ServerConfig, Settings } from "../config/config.ts";
import { loadConfig } from "../config/file/load.ts";
import { openClientPool } from "../http/client_pool.ts";
import { checkHealth, type Probe, Unauthorized } from "../polling/probe.ts";
import { findMetrics, findModels, type FoundModels } from "../polling/recognise.ts";
import { wrongEngine } from "../polling/scrape.ts";
import { failureIn } from "../http/fetch_error.ts";
import { isRoutable, newServer, reasonOf, stateOf } from "../fleet/state/server.ts";
import { engineNameOf } from "../fleet/state/engine.ts";
import { applyCheck } from "../fleet/state/server_events.ts";
import { readState, type SavedState, whyNotWritable } from "../state_disk.ts";
import type { Tracing } from "../config/tracing_settings.ts";
import { shownTracing } from "../monitor/log_spans.ts";
import { otlpRequest } from "../tracing/otlp_request.ts";
import { type Connect, sendSpans } from "../tracing/send_spans.ts";
import { routersOf } from "../peers/routers.ts";
import { tryPeer } from "../peers/try_peer.ts";
import { VERSION } from "../version.ts";
import { complainOf } from "./complain.ts";
import { countOf } from "./count.ts";
import { configOption, examples } from "./options.ts";
import { readServers, readSources } from "./read_sources.ts";
import { tableOf } from "./table.ts";

interface Probed {
  readonly row: readonly string[];
  /** Why it gets no requests, or what is wrong with its configuration; `undefined` if neither. */
  readonly problem: string | undefined;
}

/** How long the collector may take to answer. */
const COLLECTOR_MS = 5_000;

/** Turns `command` into `check-config`, which checks a configuration file and its servers. */
export function addCheckConfig(command: Command, ended: (code: number) => void): void {
  command
    .description("check the configuration file, read its sources of servers and probe every server")
    .addOption(configOption())
    .addHelpText("after", examples("vllm-router check-config --config servers.toml"))
    .action(async ({ config }: { config: string }) => ended(await check(config)));
}

/** Checks a file, probes every server and prints a table. Returns the exit code. */
async function check(path: string): Promise<number> {
  const { checked } = await loadConfig(path);
  complainOf(checked);
  if (!checked.ok) return 1;
  const { settings, tracing, peers } = checked.config;
  const saved = settings.stateFile === undefined ? undefined : readState(settings.stateFile);
  const { servers, unread } = await readServers(checked.config, saved);
  const connections = openClientPool();
  const probed = await Promise.all(servers.map((server) =>
    ask(server, settings, {
      fetch: connections.to(server).fetch,
      timeoutMs: settings.healthCheckTimeoutMs,
      signal: new AbortController().signal,
    })
  ));
  const connect = (ca?: string) => connections.to(ca === undefined ? {} : { ca }).fetch;
  const traces = tracing && await tryCollector(tracing, connect);
  const told = peers && await tryPeers(peers, settings.healthCheckTimeoutMs);
  const allUnread = unread + (told?.unread ?? 0);
  connections.close();

  // Few, narrow columns: with short names the table fits 80 columns.
  const isSourceShown = servers.some(({ source }) => source !== undefined);
  const head = ["server", "state", "latency", "running", "waiting", "models"];
  const rows = probed.map(({ row }, index) =>
    isSourceShown ? [...row, servers[index]!.source ?? "file"] : row
  );
  if (rows.length > 0) console.log(tableOf(isSourceShown ? [...head, "source"] : head, rows));
  const bad = probed.filter(({ problem }) => problem !== undefined);
  for (const { row: [name], problem } of bad) console.log(`${name}: ${problem}`);
  const isKept = settings.stateFile === undefined || checkStateFile(settings.stateFile, saved);
  if (traces !== undefined) console.log(traces);
  for (const line of told?.lines ?? []) console.log(line);
  console.log(`${path}: ${summary(bad.length, servers.length)}`);
  return bad.length + allUnread === 0 && isKept ? 0 : 1;
}

/** Prints whether a state file can be written and read. Returns whether both can. */
function checkStateFile(path: string, saved: SavedState | undefined): boolean {
  const problem = whyNotWritable(path) ??
    (saved && "problem" in saved ? `${saved.problem}; the router will overwrite it` : undefined);
  const found = saved === undefined ? "none yet, can be written" : "can be read and written";
  console.log(`state file ${path}: ${problem ?? found}`);
  return problem === undefined;
}

/** Sends no spans to the collector. Whether it takes them changes nothing else. */
async function tryCollector(tracing: Tracing, connect: Connect): Promise<string> {
  const soon = { ...tracing, timeoutMs: Math.min(tracing.timeoutMs, COLLECTOR_MS) };
  const sent = await sendSpans(
    connect,
    soon,
    otlpRequest(tracing.protocol, [], [], VERSION),
    new AbortController().signal,
  );
  const { share, address } = shownTracing(tracing);
  const told = sent.kind === "taken" ? "it takes spans" : `warning: it takes no spans: ${sent.why}`;
  return `traces of ${share} of requests go to ${address}; ${told}`;
}

/** Reads the sources of peers and tries each peer. One that is away is only a warning. */
async function tryPeers(peers: Peers, timeoutMs: number) {
  const { reads, unread } = await readSources(peers.sources, "router", timeoutMs);
  const found = reads.flatMap(({ servers }) => servers.map(({ config }) => config));
  const { routers } = routersOf(peers.routers, found);
  const lines = await Promise.all(routers.map(async (router) => {
    const why = await tryPeer(router, peers, timeoutMs);
    return `peer ${router}: ${why === undefined ? "accepts this router" : `warning: ${why}`}`;
  }));
  return { lines, unread };
}

function summary(failed: number, all: number): string {
  if (all === 0) return "no servers";
  const servers = countOf(all, "server");
  if (failed > 0) return `${failed} of ${servers} ${failed === 1 ? "has" : "have"} a problem`;
  return all === 1 ? "the server is healthy" : `all ${servers} are healthy`;
}

async function ask(config: ServerConfig, settings: Settings, probe: Probe): Promise<Probed> {
  // The models may tell the engine, and with it which pages to read.
  const listed = config.models ? undefined : await listOf(config, probe);
  const engine = config.engine ?? (listed instanceof Error ? undefined : listed?.engine);
  const [check, found] = await Promise.all([
    checkHealth(config, engine, probe),
    findMetrics(config, engine, probe).catch(() => undefined),
  ]);
  const metrics = found?.metrics;
  // The state that the router itself would derive from these probes.
  const now = monotonicMs();
  const server = { ...newServer(0, config, now), asleep: metrics?.asleep ?? false };
  const circumstances = { settings, now, random: Math.random };
  server.reason = applyCheck(server, check, () => false, circumstances);
  if (listed instanceof Error) {
    server.modelsFailure = {
      why: failureIn(listed),
      isUnauthorized: listed instanceof Unauthorized,
    };
  } else if (listed) server.models = new Map(listed.models.map((model) => [model.id, model]));
  const shown = listed instanceof Error ? undefined : listed?.engine;
  server.recognised = found?.engine ?? shown;
  const name = engineNameOf(server) ?? "vllm";
  const state = stateOf(server);
  const running = metrics?.running;
  return {
    row: [
      config.name,
      name === "vllm" ? state : `${state}\n${name}`,
      check.ok ? `${Math.round(check.responseMs)} ms` : "–",
      running === undefined ? "unknown" : `${running} of ${config.capacity}`,
      String(metrics?.waiting ?? "unknown"),
      listed instanceof Error ? "unknown" : [...server.models.keys()].join("\n"),
    ],
    problem: isRoutable(state)
      ? wrongEngine(server)
      : state === "draining"
      ? undefined
      : reasonOf(server),
  };
}

/** Returns the models that a server lists, or the error that prevented it. */
async function listOf(server: ServerConfig, probe: Probe): Promise<FoundModels | Error> {
  try {
    return await findModels(server, server.engine, true, probe);
  } catch (error) {
    return error as Error;
  }
}
