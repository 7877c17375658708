import { type Gateway, type GatewayOptions, startGateway } from "../gateway.ts";
import { hostAndPort } from "../config/access_schema.ts";
import { reopenLogFile } from "../monitor/log.ts";
import { logSystemdNotTold } from "../monitor/log_access.ts";
import { complain } from "./complain.ts";
import { tellSystemd } from "./systemd.ts";

/**
 * Starts a gateway, and tells systemd if it started this process. If the gateway can't listen, prints
 * the reason in one line and returns `undefined`.
 */
export function listen(options: GatewayOptions): Gateway | undefined {
  try {
    return tellSystemd(startGateway(options), {
      notifySocket: Deno.env.get("NOTIFY_SOCKET"),
      watchdogUsec: Deno.env.get("WATCHDOG_USEC"),
      onError: logSystemdNotTold,
    });
  } catch (error) {
    complain(whyNot(error, options));
    return undefined;
  }
}

function whyNot(error: unknown, { hostname, port, config: { access } }: GatewayOptions): string {
  if (error instanceof Error && error.name === "NoAdminAddress") {
    const { hostname, port } = access.adminListen!;
    const { message } = error.cause as Error;
    return `admin.listen: can't listen on ${hostAndPort(hostname, port)}: ${message}`;
  }
  const why = listenFailure(error, hostname, port);
  if (why !== undefined) return why;
  if (access.tls && error instanceof Error) {
    return `tls: the certificate can't be used: ${error.message}`;
  }
  throw error;
}

/** Explains why the address can't be listened on; `undefined` for any other error. */
export function listenFailure(error: unknown, hostname: string, port: number): string | undefined {
  if (error instanceof Deno.errors.AddrInUse) {
    return `${hostAndPort(hostname, port)} is already in use; choose another port with --port`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `no permission to listen on ${
      hostAndPort(hostname, port)
    }; choose a port above 1023 with --port`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${hostname} is not an address of this machine; choose another with --host`;
  }
  if (error instanceof Error && error.message.includes("lookup address")) {
    return `${hostname} can't be resolved; choose an address with --host`;
  }
  return undefined;
}

/** Controls the shutdown of a running router. */
export interface Stopping {
  /** Drains on the first call, exits at once on the second. */
  stop(): void;
  /** Whether a stop was requested. */
  isRequested(): boolean;
  /** Resolves when the router has drained and stopped. */
  readonly stopped: Promise<void>;
}

/** Calls {@linkcode stopOnSignals} and resolves when the router has stopped. */
export function untilStopped(gateway: Gateway): Promise<void> {
  return stopOnSignals(gateway).stopped;
}

/**
 * A second signal within this time is a copy: a terminal sends Ctrl-C to the whole process group, and
 * `deno task` forwards it as well.
 */
const SAME_SIGNAL_MS = 500;

/**
 * Installs signal handlers. SIGHUP reloads the configuration and reopens the log file. The first
 * SIGTERM or SIGINT drains; a second one exits at once, unless it is a copy of the first.
 */
export function stopOnSignals(gateway: Gateway): Stopping {
  const { promise: requested, resolve: request } = Promise.withResolvers<void>();
  let times = 0;
  const stop = () => {
    if (++times > 1) Deno.exit(1);
    request();
  };
  let firstAt: number | undefined;
  const onSignal = () => {
    firstAt ??= performance.now();
    if (times === 0 || performance.now() - firstAt > SAME_SIGNAL_MS) stop();
  };
  Deno.addSignalListener("SIGINT", onSignal);
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", onSignal);
    Deno.addSignalListener("SIGHUP", () => {
      void reopenLogFile();
      void gateway.reload();
    });
  }
  return { stop, isRequested: () => times > 0, stopped: requested.then(() => gateway.shutdown()) };
}
