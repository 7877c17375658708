import { loadConfig } from "../../src/config/file/load.ts";
import { type Gateway, startGateway } from "../../src/gateway.ts";
import { closeLog, setUpLog } from "../../src/monitor/log.ts";
import { http1 } from "../support/router.ts";
import { metricsPage, modelsPage } from "../support/upstream.ts";

/** A router that follows a configuration file, with access to its log. */
export interface Guarded extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly url: string;
  /** URL of the admin address, if configured. */
  readonly adminUrl: string;
  readonly folder: string;
  /** Writes a file in place, in the folder of its configuration, `servers.toml`. */
  write(name: string, text: string): Promise<void>;
  /** Replaces a file by renaming, as editors and deployments do. */
  replace(name: string, text: string): Promise<void>;
  /** The log so far, at level `debug`. */
  log(): string;
  /** Sends a `POST` request, by default a chat completion. */
  ask(options?: Asked): Promise<Response>;
  get(path: string, headers?: HeadersInit): Promise<Response>;
}

export interface Asked {
  readonly path?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit;
}

export interface GuardedOptions {
  readonly server: string;
  /** Further keys of the server, as TOML. */
  readonly serverKeys?: string;
  /** Further tables of the file. */
  readonly tables?: string;
  /** Keys of `[config]`. */
  readonly settings?: string;
  /** Further files, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A configuration with short intervals, so that changes are detected soon. */
export function configText(
  { server, serverKeys = "", tables = "", settings = "" }: GuardedOptions,
): string {
  return `[servers]
servers = [{ url = "${server}", max_concurrent_requests = 8${serverKeys && `, ${serverKeys}`} }]
[config]
metrics_interval = 0.05
health_check_interval = 0.1
health_check_timeout = 1
config_reload_interval = 0.2
${settings}
[server]
http1 = "${http1}"
${tables}
`;
}

/** Starts a router on free loopback ports. */
export async function startGuarded(options: GuardedOptions): Promise<Guarded> {
  const folder = await Deno.makeTempDir();
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  for (const [name, text] of Object.entries(options.files ?? {})) await write(name, text);
  const path = `${folder}/servers.toml`;
  await write("servers.toml", configText(options));
  const { checked, text, files } = await loadConfig(path);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  await setUpLog({ level: "debug", console: "none", file: `${folder}/router.log` });
  const gateway = startGateway({
    hostname: "127.0.0.1",
    port: 0,
    config: checked.config,
    file: { path, text, files },
  });
  const scheme = checked.config.access.tls ? "https" : "http";
  const url = `${scheme}://127.0.0.1:${gateway.port}`;
  if (scheme === "http") await (await fetch(`${url}/livez`)).body?.cancel();
  return {
    gateway,
    url,
    adminUrl: `http://127.0.0.1:${gateway.admin?.port}`,
    folder,
    write,
    async replace(name, text) {
      await write(`${name}.new`, text);
      await Deno.rename(`${folder}/${name}.new`, `${folder}/${name}`);
    },
    log: () => Deno.readTextFileSync(`${folder}/router.log`),
    ask: ({ path = "/v1/chat/completions", headers, body = CHAT } = {}) =>
      fetch(url + path, { method: "POST", body, redirect: "manual", ...(headers && { headers }) }),
    get: (path, headers) => fetch(url + path, { redirect: "manual", ...(headers && { headers }) }),
    async [Symbol.asyncDispose]() {
      await gateway.shutdown(0);
      await closeLog();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

export const CHAT = JSON.stringify({ model: "m", messages: [] });

/** Reads the body to its end and returns the status. */
export async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** A request that a server received. */
export interface Seen {
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Starts a server with the models `m` and `big` that records its requests. */
export function startRecorder(
  answer: (request: Request) => Response | Promise<Response> = () => Response.json({ ok: true }),
  tls: { readonly cert?: string; readonly key?: string } = {},
) {
  /** Inference requests. */
  const seen: Seen[] = [];
  /** The router's own polls. */
  const looks: Seen[] = [];
  const server = Deno.serve({
    ...tls,
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    // Tests abort responses on purpose.
    onError: () => new Response(null, { status: 500 }),
  } as Deno.ServeTcpOptions, async (request) => {
    const { pathname: path } = new URL(request.url);
    const { headers } = request;
    if (request.method === "GET") {
      looks.push({ path, headers, body: "" });
      if (path === "/v1/models") return modelsPage("m", "big");
      return path === "/metrics" ? metricsPage() : new Response();
    }
    seen.push({ path, headers, body: await request.clone().text() });
    return await answer(request);
  });
  return {
    url: `${tls.cert ? "https" : "http"}://127.0.0.1:${server.addr.port}`,
    seen,
    looks,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
