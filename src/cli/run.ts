import { loadConfig } from "../config/load.ts";
import { checkConfig, type Checked } from "../config/schema.ts";
import { type Gateway, type GatewayOptions, startGateway } from "../gateway.ts";
import { type Level, logWarnings, setUpLog } from "../monitor/log.ts";
import { complain, describe } from "./complain.ts";

export interface RunOptions {
  readonly console: boolean;
  readonly host: string;
  readonly port: number;
  readonly config: string;
  readonly logLevel: Level;
  readonly model?: boolean;
  readonly server: readonly string[];
}

/** Runs the router until it is told to stop. Returns the exit code. */
export async function run(options: RunOptions): Promise<number> {
  await setUpLog(options.logLevel, Deno.stdout.isTerminal());
  const { checked, file } = options.server.length > 0
    ? { checked: configFromFlags(options.server), file: undefined }
    : await configFromFile(options.config);
  if (!checked.ok) {
    complain(...checked.problems.map(describe));
    return file ? 1 : 2;
  }
  const gateway = listen({
    hostname: options.host,
    port: options.port,
    config: checked.config,
    ...(file && { file }),
  });
  if (!gateway) return 1;
  const { settings, servers } = checked.config;
  console.log(
    `Listening on http://${options.host}:${gateway.port}, ${servers.length} servers from ${
      file?.path ?? "the command line"
    }, policy ${settings.policy}`,
  );
  logWarnings(checked.warnings);
  await untilToldToStop(gateway);
  return 0;
}

/** Starts a gateway, or says in one line why it can't listen there. */
export function listen(options: GatewayOptions): Gateway | undefined {
  const where = `${options.hostname}:${options.port}`;
  try {
    return startGateway(options);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      complain(`${where} is already in use; choose another port with --port`);
    } else if (error instanceof Deno.errors.PermissionDenied) {
      complain(
        `this user may not listen on ${where}; choose a port above 1023 with --port`,
      );
    } else if (error instanceof Deno.errors.AddrNotAvailable) {
      complain(
        `${options.hostname} is not an address of this machine; choose one with --host`,
      );
    } else if (
      error instanceof Error && error.message.includes("lookup address")
    ) {
      complain(
        `${options.hostname} is not a known host; choose an address with --host`,
      );
    } else throw error;
    return undefined;
  }
}

/** Reloads on SIGHUP; drains on the first SIGTERM or SIGINT, leaves at once on the second. */
export async function untilToldToStop(gateway: Gateway): Promise<void> {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  let times = 0;
  const stop = () => {
    if (++times > 1) Deno.exit(1);
    tell();
  };
  Deno.addSignalListener("SIGINT", stop);
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", stop);
    Deno.addSignalListener("SIGHUP", () => void gateway.reload());
  }
  await told;
  await gateway.shutdown();
}

async function configFromFile(path: string) {
  const { text, checked } = await loadConfig(path);
  return { checked, file: { path, text } };
}

/** `URL` or `URL=CAPACITY`, as often as there are servers. */
function configFromFlags(flags: readonly string[]): Checked {
  const servers = flags.map((flag) => {
    const [, url, capacity] = /^(.*?)(?:=([^=/]*))?$/.exec(flag)!;
    return {
      url,
      ...(capacity !== undefined &&
        { max_concurrent_requests: Number(capacity || NaN) }),
    };
  });
  const checked = checkConfig({ servers: { servers } }, () => undefined);
  if (checked.ok) return checked;
  const problems = checked.problems.map(({ where, what }) => ({
    where: where.replace(
      /^servers\.servers\[(\d+)\].*/,
      (_, i) => `--server ${flags[Number(i)]}`,
    ),
    what: what.replace(
      /servers\.servers\[(\d+)\]/g,
      (_, i) => `--server ${flags[Number(i)]}`,
    )
      .replace("got null", "got no number"),
  }));
  return { ok: false, problems };
}
