import type { ServerConfig } from "../config/config.ts";
import type { Check } from "./health.ts";
import { parseMetrics, type ServerMetrics } from "./metrics_text.ts";
import { parseModels } from "./models_page.ts";
import { readPage } from "./page.ts";
import type { Model } from "./server.ts";

/** How the router asks a server about itself. */
export interface Probe {
  readonly client: Deno.HttpClient;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks `/health`, and where there is no such page `/v1/models`. Never throws. */
export async function checkHealth(
  server: ServerConfig,
  probe: Probe,
): Promise<Check> {
  const started = performance.now();
  const failure = await healthFailure(server, probe).catch(failureIn);
  const responseMs = performance.now() - started;
  return { ok: failure === undefined, responseMs, ...(failure !== undefined && { failure }) };
}

async function healthFailure(server: ServerConfig, probe: Probe): Promise<string | undefined> {
  const health = await get(server, "/health", probe);
  if (health.ok) return undefined;
  if (health.status !== 404) return `/health answered ${health.status}`;
  const models = await get(server, "/v1/models", probe);
  return models.ok ? undefined : `/health answered 404 and /v1/models ${models.status}`;
}

/** Why a server could not be asked, in the runtime's words but for the address. */
export function failureIn(error: unknown): string {
  const { message, cause } = error as Error;
  const told = cause instanceof Error ? cause.message : message;
  const [, why] = /client error \(\w+\): (?:tcp connect error: )?(.*?)(?: \(os error \d+\))?$/
    .exec(told) ?? [];
  return why ?? told;
}

/** The models a server lists. Throws an `Error` that says why it could not tell. */
export async function fetchModels(
  server: ServerConfig,
  probe: Probe,
): Promise<Model[]> {
  const { ok, status, text } = await get(server, "/v1/models", probe);
  if (status === 401 || status === 403) {
    throw new Error(`/v1/models answered ${status}; does the server's api_key stand in the file?`);
  }
  if (!ok) throw new Error(`/v1/models answered ${status}`);
  return parseModels(text);
}

/**
 * What a server's `/metrics` says, `undefined` where it has no such page. Throws an `Error` with the
 * reason if the page can't be read in time or exceeds a limit.
 */
export async function fetchMetrics(
  server: ServerConfig,
  probe: Probe,
): Promise<ServerMetrics | undefined> {
  const { ok, text } = await get(server, "/metrics", probe);
  return ok ? parseMetrics(text) : undefined;
}

async function get(
  server: ServerConfig,
  path: string,
  { client, timeoutMs, signal }: Probe,
): Promise<{ ok: boolean; status: number; text: string }> {
  const abort = new AbortController();
  const timer = setTimeout(
    () => abort.abort(new Error(`${path} took over ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  const stop = () => abort.abort();
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    const response = await fetch(server.url + path, {
      client,
      signal: abort.signal,
      redirect: "manual",
      headers: {
        // Otherwise fetch asks for gzip and decompresses it.
        "accept-encoding": "identity",
        ...(server.apiKey && { authorization: `Bearer ${server.apiKey}` }),
      },
    });
    const { ok, status } = response;
    if (!ok) await response.body?.cancel();
    return { ok, status, text: ok ? await readPage(response, path, abort.signal) : "" };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
