import { freePort, isInstalled, type Listening, startListening } from "../support/processes.ts";

/** Something that forwards requests to one upstream. */
export interface Proxy {
  readonly name: string;
  /**
   * @param upstream the upstream's loopback port
   * @param folder folder for the proxy's files
   */
  start(upstream: number, folder: string): Promise<Listening>;
}

/** More than the concurrent requests of the largest case. */
export const CAPACITY = 4096;

const router: Proxy = {
  name: "vllm-router",
  start(upstream) {
    const port = freePort();
    const main = new URL("../../main.ts", import.meta.url).pathname;
    const permissions = ["--allow-net", "--allow-read", "--allow-env"];
    // deno-fmt-ignore
    return startListening(Deno.execPath(), [
      "run", "--quiet", ...permissions, main,
      "--server", `http://127.0.0.1:${upstream}=${CAPACITY}`,
      "--host", "127.0.0.1", "--port", String(port), "--log-level", "warning",
    ], port);
  },
};

const nginx: Proxy = {
  name: "nginx",
  start: (upstream, folder) => startNginx(folder, [`server 127.0.0.1:${upstream};`]),
};

const haproxy: Proxy = {
  name: "HAProxy",
  start: (upstream, folder) => startHaproxy(folder, [`server simulator 127.0.0.1:${upstream}`]),
};

/** @param upstream lines of nginx's `upstream` block: the servers and how to choose them */
export async function startNginx(folder: string, upstream: readonly string[]): Promise<Listening> {
  const port = freePort();
  const file = `${folder}/nginx-${port}.conf`;
  await Deno.writeTextFile(file, nginxConfig(port, upstream, folder));
  return startListening("nginx", ["-c", file, "-p", folder, "-e", "stderr"], port);
}

/** @param backend lines of HAProxy's `backend` section: the servers and how to choose them */
export async function startHaproxy(folder: string, backend: readonly string[]): Promise<Listening> {
  const port = freePort();
  const file = `${folder}/haproxy-${port}.cfg`;
  await Deno.writeTextFile(file, haproxyConfig(port, backend));
  return startListening("haproxy", ["-q", "-db", "-f", file], port);
}

/** Returns the router and the installed proxies to compare it with. */
export function availableProxies(): Proxy[] {
  return [
    router,
    ...isInstalled("nginx") ? [nginx] : [],
    ...isInstalled("haproxy") ? [haproxy] : [],
  ];
}

/**
 * A single process without a master, which is easier to measure and stop. Nothing is logged or
 * written to disk, as in the router.
 */
function nginxConfig(port: number, upstream: readonly string[], folder: string): string {
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ");
  return `
daemon off;
master_process off;
pid ${folder}/nginx-${port}.pid;
error_log stderr crit;
worker_rlimit_nofile ${3 * CAPACITY};
events { worker_connections ${3 * CAPACITY}; }
http {
  ${folders}
  access_log off;
  client_max_body_size 100m;
  client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  upstream servers {
    ${upstream.join("\n    ")}
    keepalive ${CAPACITY};
    keepalive_requests 1000000000;
    keepalive_timeout 4s;
  }
  server {
    listen 127.0.0.1:${port} backlog=${CAPACITY};
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
      proxy_next_upstream error timeout non_idempotent;
    }
  }
}
`;
}

function haproxyConfig(port: number, backend: readonly string[]): string {
  return `
global
  nbthread 1
  maxconn ${CAPACITY}
defaults
  mode http
  option http-no-delay
  http-reuse always
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 60s
frontend clients
  bind 127.0.0.1:${port} backlog ${CAPACITY}
  default_backend servers
backend servers
  ${backend.join("\n  ")}
`;
}
