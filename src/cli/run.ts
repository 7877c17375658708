import { type Command, Option } from "commander";
import { hostAndPort } from "../config/access_schema.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/file/load.ts";
import { checkConfig, type Checked } from "../config/schema.ts";
import { unusedProxies } from "../http/proxy_environment.ts";
import type { Gateway } from "../gateway.ts";
import { showsOnlyAscii } from "../monitor/terminal/ascii.ts";
import { colourLevel, paletteOf } from "../monitor/terminal/paint.ts";
import { showFleet, type Shown } from "../monitor/terminal/show.ts";
import { ownTerminal } from "../monitor/terminal/terminal.ts";
import {
  announce,
  closeLog,
  type Level,
  logWarnings,
  setLogLevel,
  setUpLog,
} from "../monitor/log.ts";
import { logUnusedProxies } from "../monitor/log_access.ts";
import { logTracing } from "../monitor/log_spans.ts";
import { countsOf } from "../monitor/words.ts";
import { complain, complainOf } from "./complain.ts";
import { listen, stopOnSignals, type Stopping } from "./listen.ts";
import {
  collect,
  configOption,
  examples,
  levelOption,
  routerPortOption,
  yesOrNo,
} from "./options.ts";

interface RunOptions {
  readonly console: boolean;
  readonly host: string;
  readonly port: number;
  readonly config: string;
  readonly logLevel: Level;
  readonly logFile?: string;
  readonly model?: boolean;
  readonly server?: readonly string[];
}

/** Turns `command` into `run`, which runs the router. */
export function addRun(command: Command, ended: (code: number) => void): void {
  const written = Deno.env.get("LOG_TO_CONSOLE");
  const plain = yesOrNo(written);
  command
    .description("run the router; this is the default command")
    .option(
      "-c, --console",
      "plain logs instead of the monitor (env: LOG_TO_CONSOLE)",
      plain ?? false,
    )
    .option("-h, --host <address>", "the address to listen on", "0.0.0.0")
    .addOption(routerPortOption())
    .addOption(configOption())
    .addOption(levelOption())
    .option("--log-file <file>", "also write JSON lines to this file, rotated by size and age")
    .option("-m, --model", "show each server's models in the monitor")
    .addOption(
      new Option("--server <url[=capacity]>", "a server, instead of a file; repeatable")
        .argParser(collect),
    )
    .addHelpText(
      "after",
      examples(
        "vllm-router --port 8888",
        "vllm-router run --config /etc/vllm-router/servers.toml --log-level debug",
        "vllm-router run --server http://gpu-1:8000=8 --server http://gpu-2:8000=16",
      ),
    )
    .action(async (options: RunOptions) => {
      const isGiven = (option: string) => command.getOptionValueSource(option) === "cli";
      if (plain === undefined && !isGiven("console")) {
        command.error(
          `error: LOG_TO_CONSOLE: expected true, false, 1 or 0, got ${JSON.stringify(written)}`,
        );
      }
      if (options.server && isGiven("config")) {
        command.error(
          `error: --server and --config ${options.config} can't be combined; use one of them`,
        );
      }
      ended(await run(options));
    });
}

/** Runs the router until a stop signal. Returns the exit code. */
async function run(options: RunOptions): Promise<number> {
  const { checked, file } = options.server
    ? { checked: configFromFlags(options.server), file: undefined }
    : await configFromFile(options.config);
  if (!checked.ok) {
    complainOf(checked);
    return file ? 1 : 2;
  }
  const levelIn = ({ settings }: Config) => settings.logLevel ?? options.logLevel;
  const onScreen = !options.console && Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const style = onScreen ? "none" : Deno.stdout.isTerminal() ? "pretty" : "json";
  try {
    const { logFile } = options;
    await setUpLog({
      level: levelIn(checked.config),
      console: style,
      ...(logFile && { file: logFile }),
    });
  } catch (error) {
    complain(`${options.logFile} can't be written: ${(error as Error).message}`);
    return 1;
  }
  const gateway = listen({
    hostname: options.host,
    port: options.port,
    config: checked.config,
    ...(file && { file }),
    onReload: (config) => setLogLevel(levelIn(config)),
  });
  if (!gateway) return 1;
  const stopping = stopOnSignals(gateway);
  const { settings, access } = checked.config;
  const from = file?.path ?? "the command line";
  if (onScreen) complainOf(checked);
  announce(
    `Listening on ${access.tls ? "https" : "http"}://${hostAndPort(options.host, gateway.port)}, ` +
      `${countsOf(checked.config)} from ${from}, policy ${settings.policy}`,
    style,
  );
  logWarnings(checked.warnings);
  logUnusedProxies(unusedProxies());
  logTracing(checked.config.tracing);
  const shown = onScreen ? show(gateway, stopping, options.model ?? false) : undefined;
  await stopping.stopped;
  shown?.close();
  await closeLog();
  return 0;
}

/** Shows the monitor. The router keeps running if the terminal closes. */
function show(gateway: Gateway, stopping: Stopping, models: boolean): Shown {
  const draining = () =>
    `draining, ${gateway.view().totals.inFlight} in flight; press q again to exit at once`;
  return showFleet({
    terminal: ownTerminal(),
    palette: paletteOf(colourLevel(Deno.env.get("NO_COLOR"))),
    onlyAscii: showsOnlyAscii(Deno.env.get),
    view: gateway.view,
    detail: (url) => gateway.detail(url) ?? null,
    notice: () => stopping.isRequested() ? draining() : undefined,
    models,
    onQuit: stopping.stop,
  });
}

async function configFromFile(path: string) {
  const { checked, text, files } = await loadConfig(path);
  return { checked, file: { path, text, files } };
}

/** Builds a configuration from `--server` values, each `URL` or `URL=CAPACITY`. */
function configFromFlags(flags: readonly string[]): Checked {
  const servers = flags.map((flag) => {
    const [, url, capacity] = /^(.*?)(?:=([^=/]*))?$/.exec(flag)!;
    const count = capacity?.trim() === "" ? NaN : Number(capacity);
    return { url, ...(capacity !== undefined && { max_concurrent_requests: count }) };
  });
  const env = (name: string) => Deno.env.get(name);
  const checked = checkConfig({ servers: { servers } }, env, (name) => Deno.readTextFileSync(name));
  if (checked.ok) return checked;
  const flagAt = (_: string, index: string) => `--server ${flags[Number(index)]}`;
  const problems = checked.problems.map(({ where, what }) => ({
    where: where.replace(/^servers\.servers\[(\d+)\].*/, flagAt),
    what: what.replace(/servers\.servers\[(\d+)\]/g, flagAt).replace(/\bnan$/, "no number"),
  }));
  return { ...checked, problems };
}
