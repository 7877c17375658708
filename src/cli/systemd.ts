import { stateOf } from "../fleet/state/server.ts";
import type { Gateway } from "../gateway.ts";
import { monotonicMs } from "../util/clock.ts";
import { countOf } from "./count.ts";
import { type NotifySocket, openNotifySocket } from "./notify_socket.ts";

/** What systemd gives a service in its environment. */
export interface SystemdOptions {
  /** Where systemd listens: `$NOTIFY_SOCKET`. */
  readonly notifySocket: string | undefined;
  /** Time within which systemd expects a ping, in microseconds: `$WATCHDOG_USEC`. */
  readonly watchdogUsec: string | undefined;
  /** Called once if messages can't be sent. The router keeps running. */
  readonly onError: (error: unknown) => void;
}

/** How often the status is compared with the last one sent. */
const STATUS_MS = 1_000;
/** While systemd has not taken this many messages, pings and statuses are skipped. */
const MOST_WAITING = 8;
/** The longest interval of a timer. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Tells systemd that the router is ready, its status, when it reloads on request and when it stops,
 * and sends pings for the watchdog. A timer sends the pings, so they stop when the event loop does.
 *
 * @param gateway a router that listens
 * @returns a gateway whose `reload` and `shutdown` tell systemd; the same one if `$NOTIFY_SOCKET` is
 * not set
 */
export function tellSystemd(gateway: Gateway, options: SystemdOptions): Gateway {
  if (!options.notifySocket) return gateway;
  try {
    const monotonicUsec = startMonotonicUsec();
    const socket = openNotifySocket(options.notifySocket, options.onError);
    return told(gateway, socket, monotonicUsec, pingIntervalMs(options.watchdogUsec));
  } catch (error) {
    options.onError(error);
    return gateway;
  }
}

function told(
  gateway: Gateway,
  socket: NotifySocket,
  monotonicUsec: () => number,
  pingMs: number | undefined,
): Gateway {
  let status = healthOf(gateway);
  socket.send(`READY=1\nSTATUS=${status}`);

  const every = (ms: number, task: () => void) =>
    setInterval(() => {
      if (socket.waiting() < MOST_WAITING) task();
    }, ms);
  const timers = [every(STATUS_MS, () => {
    const now = stopped ? drainOf(gateway) : healthOf(gateway);
    if (now !== status) socket.send(`STATUS=${now}`);
    status = now;
  })];
  if (pingMs !== undefined) timers.push(every(pingMs, () => socket.send("WATCHDOG=1")));

  async function reload(): Promise<void> {
    if (stopped) return await gateway.reload();
    socket.send(`RELOADING=1\nMONOTONIC_USEC=${monotonicUsec()}`);
    await gateway.reload().finally(() => socket.send("READY=1"));
  }

  async function stop(drainMs?: number): Promise<void> {
    socket.send(`STOPPING=1\nSTATUS=${status = drainOf(gateway)}`);
    await gateway.shutdown(drainMs);
    for (const timer of timers) clearInterval(timer);
    await socket.close();
  }
  let stopped: Promise<void> | undefined;
  const shutdown = (drainMs?: number) => stopped ??= stop(drainMs);
  return { ...gateway, reload, shutdown, [Symbol.asyncDispose]: () => shutdown(0) };
}

function healthOf({ fleet }: Gateway): string {
  const states = fleet.servers.map(stateOf).filter((state) => state !== "draining");
  const healthy = states.filter((state) => state === "healthy").length;
  return `${healthy} of ${countOf(states.length, "server")} healthy`;
}

function drainOf({ fleet }: Gateway): string {
  const inFlight = fleet.servers.reduce((sum, server) => sum + server.inFlight, 0);
  return `Stopping: ${inFlight} in flight`;
}

/**
 * Returns half the time that systemd allows between pings, as it recommends; `undefined` without a
 * watchdog. `$WATCHDOG_PID` doesn't matter: in a checkout it names `deno task`, the parent of this
 * process. `NotifyAccess=` decides whose pings count.
 */
function pingIntervalMs(watchdogUsec: string | undefined): number | undefined {
  const ms = Number(watchdogUsec) / 2_000;
  return ms > 0 ? Math.min(Math.max(ms, 1), LONGEST_MS) : undefined;
}

/**
 * Returns a clock in microseconds that is never behind CLOCK_MONOTONIC, which Deno doesn't offer.
 * systemd ignores a `RELOADING=1` from before its SIGHUP. The uptime is in whole seconds, and
 * includes the time in suspend.
 */
function startMonotonicUsec(): () => number {
  const startMs = (Deno.osUptime() + 1) * 1_000 - monotonicMs();
  return () => Math.ceil((startMs + monotonicMs()) * 1_000);
}
