import { policyNames } from "../../src/routing/policies.ts";
import { freePort, isInstalled, type Listening, startListening } from "../support/processes.ts";
import { startHaproxy } from "../cost/proxies/haproxy.ts";
import { startNginx } from "../cost/proxies/nginx.ts";
import { CLAIRVOYANT, CLAIRVOYANT_PER_TOKEN, HAPROXY, NGINX, PERFECT } from "./names.ts";
import type { LiveServer } from "./live_fleet.ts";

/** Starts a contender's process in front of the servers. */
export type StartContender = (
  servers: readonly LiveServer[],
  peers?: AdminPorts,
) => Promise<Listening>;

/** The ports at which routers tell each other. */
export interface AdminPorts {
  readonly own: number;
  readonly all: readonly number[];
}

/** The router's default interval, in fleet time. */
const METRICS_SECONDS = 0.5;

/**
 * Returns how to start a contender, `undefined` for perfect information, which needs no process, or
 * the reason as text why it cannot run.
 *
 * @param folder folder for its files
 * @param timeScale fleet seconds per real second
 */
export function liveContender(
  name: string,
  folder: string,
  timeScale: number,
): StartContender | undefined | string {
  switch (name) {
    case PERFECT:
      return undefined;
    case CLAIRVOYANT:
    case CLAIRVOYANT_PER_TOKEN:
      return "only with --offline";
    case NGINX:
      if (!isInstalled("nginx")) return "not installed: apt-get install nginx-light";
      return (servers) => startNginx(folder, ["least_conn;", ...servers.map(nginxServer)]);
    case HAPROXY:
      if (!isInstalled("haproxy")) return "not installed: apt-get install haproxy";
      return (servers) =>
        startHaproxy(folder, [
          "balance leastconn",
          "option redispatch",
          ...servers.map(haproxyServer),
        ]);
  }
  if (!policyNames.includes(name)) return "no such policy";
  return (servers, peers) => startRouter(name, servers, folder, timeScale, peers);
}

function nginxServer({ plan, port }: LiveServer): string {
  return `server 127.0.0.1:${port} weight=${plan.seats} max_fails=1 fail_timeout=1s;`;
}

function haproxyServer({ plan, port }: LiveServer, place: number): string {
  return `server s${place} 127.0.0.1:${port} weight ${plan.seats} check inter 250ms fall 2 rise 1`;
}

function tablesOf(peers: AdminPorts | undefined): string {
  if (!peers) return "";
  const addresses = peers.all.map((port) => `"http://127.0.0.1:${port}"`);
  return `[admin]\nlisten = "127.0.0.1:${peers.own}"\n[peers]\nrouters = [${addresses}]\n`;
}

async function startRouter(
  policy: string,
  servers: readonly LiveServer[],
  folder: string,
  timeScale: number,
  peers: AdminPorts | undefined,
): Promise<Listening> {
  const port = freePort();
  const file = `${folder}/router-${port}.toml`;
  const entries = servers.map(({ plan, port }) =>
    `{ url = "http://127.0.0.1:${port}", max_concurrent_requests = ${plan.seats} }`
  );
  await Deno.writeTextFile(
    file,
    `servers.servers = [\n${entries.join(",\n")}\n]\n` +
      `[config]\npolicy = "${policy}"\nmetrics_interval = ${METRICS_SECONDS / timeScale}\n` +
      `request_timeout = 600\n` + tablesOf(peers),
  );
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const permissions = ["--allow-net", "--allow-read", "--allow-env"];
  // deno-fmt-ignore
  return startListening(Deno.execPath(), [
    "run", "--quiet", ...permissions, main, "run", "--console", "--config", file,
    "--host", "127.0.0.1", "--port", String(port), "--log-level", "error",
  ], port);
}
