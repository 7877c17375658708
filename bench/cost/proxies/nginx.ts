import { freePort, type Listening, startListening } from "../../support/processes.ts";
import { type Certificate, type Proxy, proxyDescriptors } from "./proxy.ts";

const KEPT_CONNECTIONS = 4096;
/** Connections per descriptor. nginx closes idle connections when 15 of 16 are in use. */
const SPARE = 1.1;

export const nginx: Proxy = {
  name: "nginx",
  canServeTls: true,
  start: ({ upstream, folder, tls }) => startNginx(folder, [`server 127.0.0.1:${upstream};`], tls),
};

/** @param upstream lines of nginx's `upstream` block: the servers and how to choose them */
export async function startNginx(
  folder: string,
  upstream: readonly string[],
  tls?: Certificate,
): Promise<Listening> {
  const port = freePort();
  const file = `${folder}/nginx-${port}.conf`;
  await Deno.writeTextFile(file, nginxConfig(port, upstream, folder, tls));
  return startListening("nginx", ["-c", file, "-p", folder, "-e", "stderr"], port);
}

/**
 * A single process without a master, which is easier to measure and stop. Nothing is logged or
 * written to disk.
 */
function nginxConfig(
  port: number,
  upstream: readonly string[],
  folder: string,
  tls: Certificate | undefined,
): string {
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ");
  const certificate = tls
    ? `ssl_certificate ${tls.certFile};\n    ssl_certificate_key ${tls.keyFile};`
    : "";
  return `
daemon off;
master_process off;
pid ${folder}/nginx-${port}.pid;
error_log stderr crit;
worker_rlimit_nofile ${proxyDescriptors()};
events { worker_connections ${Math.ceil(SPARE * proxyDescriptors())}; }
http {
  ${folders}
  access_log off;
  client_max_body_size 100m;
  client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  upstream servers {
    ${upstream.join("\n    ")}
    keepalive ${KEPT_CONNECTIONS};
    keepalive_requests 1000000000;
    keepalive_timeout 4s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096${tls ? " ssl" : ""};
    ${certificate}
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
