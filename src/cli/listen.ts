import { type Gateway, type GatewayOptions, startGateway } from "../gateway.ts";
import { hostAndPort } from "../config/access_schema.ts";
import { reopenLogFile } from "../monitor/log.ts";
import { complain } from "./complain.ts";

/** Starts a gateway, or says in one line why it can't listen there. */
export function listen(options: GatewayOptions): Gateway | undefined {
  try {
    return startGateway(options);
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
  const why = whyNotThere(error, hostname, port);
  if (why !== undefined) return why;
  if (access.tls && error instanceof Error) {
    return `tls: the certificate can't be used: ${error.message}`;
  }
  throw error;
}

/** Why nobody can listen at that address; `undefined` where the error is about something else. */
export function whyNotThere(error: unknown, hostname: string, port: number): string | undefined {
  if (error instanceof Deno.errors.AddrInUse) {
    return `${hostAndPort(hostname, port)} is already in use; choose another port with --port`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `this user may not listen on ${
      hostAndPort(hostname, port)
    }; choose a port above 1023 with --port`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${hostname} is not an address of this machine; choose one with --host`;
  }
  if (error instanceof Error && error.message.includes("lookup address")) {
    return `${hostname} is not a known host; choose an address with --host`;
  }
  return undefined;
}

/** How a running router is told to stop. */
export interface Stopping {
  /** Drains the first time, leaves at once the second. */
  stop(): void;
  /** Whether it has been told. */
  isTold(): boolean;
  /** Resolves when what was in flight has finished. */
  readonly stopped: Promise<void>;
}

/** Stops as {@linkcode stopOnSignals} does. Resolves when the router has stopped. */
export function untilToldToStop(gateway: Gateway): Promise<void> {
  return stopOnSignals(gateway).stopped;
}

/** A terminal sends Ctrl-C to all that run in it, and what started the router passes it on. */
const SAME_SIGNAL_MS = 500;

/**
 * Reloads and opens the log file anew on SIGHUP; drains on the first SIGTERM or SIGINT, leaves at
 * once on the second, of which one that follows the first at once is a copy. Listens to signals from
 * the moment it is called.
 */
export function stopOnSignals(gateway: Gateway): Stopping {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  let times = 0;
  const stop = () => {
    if (++times > 1) Deno.exit(1);
    tell();
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
  return { stop, isTold: () => times > 0, stopped: told.then(() => gateway.shutdown()) };
}
