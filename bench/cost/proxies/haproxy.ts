import { freePort, type Listening, startListening } from "../../support/processes.ts";
import { type Certificate, type Proxy, proxyDescriptors } from "./proxy.ts";

/** Descriptors that HAProxy needs besides those of its connections. */
const OWN_DESCRIPTORS = 100;

export const haproxy: Proxy = {
  name: "HAProxy",
  canServeTls: true,
  start: ({ upstream, folder, tls }) =>
    startHaproxy(folder, [`server simulator 127.0.0.1:${upstream}`], tls),
};

/** @param backend lines of HAProxy's `backend` section: the servers and how to choose them */
export async function startHaproxy(
  folder: string,
  backend: readonly string[],
  tls?: Certificate,
): Promise<Listening> {
  const port = freePort();
  const file = `${folder}/haproxy-${port}.cfg`;
  await Deno.writeTextFile(file, haproxyConfig(port, backend, tls));
  return startListening("haproxy", ["-q", "-db", "-f", file], port);
}

function haproxyConfig(
  port: number,
  backend: readonly string[],
  tls: Certificate | undefined,
): string {
  return `
global
  nbthread 1
  maxconn ${Math.floor((proxyDescriptors() - OWN_DESCRIPTORS) / 2)}
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
  bind 127.0.0.1:${port} backlog 4096${tls ? ` ssl crt ${tls.bothFile}` : ""}
  default_backend servers
backend servers
  ${backend.join("\n  ")}
`;
}
