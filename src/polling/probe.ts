import type { ServerConfig } from "../config/config.ts";
import type { Fetch } from "../http/fetch.ts";
import type { Check } from "../fleet/health/active_check.ts";
import type { EngineName } from "../config/engine_name.ts";
import { engineNamed } from "../engines/engines.ts";
import { parseModels } from "../engines/model_list.ts";
import { HEALTH_PATH, MODELS_PATH } from "../vllm/endpoints.ts";
import { readPage } from "./page.ts";
import { failureIn, isConnectError } from "../http/fetch_error.ts";
import type { Model } from "../fleet/state/models.ts";

/** How to send a probe to a server. */
export interface Probe {
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Checks the configured path or the engine's, and `/v1/models` if there is no such page. Never
 * throws.
 */
export async function checkHealth(
  server: ServerConfig,
  engine: EngineName | undefined,
  probe: Probe,
): Promise<Check> {
  const started = performance.now();
  const found = await healthFailure(server, engine, probe).catch((error: unknown) => ({
    failure: failureIn(error),
    refused: isConnectError(error),
    isSlow: isTimeout(error),
  }));
  return { ok: found === undefined, responseMs: performance.now() - started, ...found };
}

/** Statuses of a gateway or another engine that lacks this page or protects it. */
const NO_HEALTH_PAGE = new Set([401, 403, 404, 405, 501]);

async function healthFailure(
  server: ServerConfig,
  engine: EngineName | undefined,
  probe: Probe,
): Promise<{ readonly failure: string } | undefined> {
  const path = server.healthPath ?? engineNamed(engine).healthPath ?? HEALTH_PATH;
  const health = await fetchPage(server, path, probe);
  if (health.ok) return undefined;
  const failure = `${path} answered ${health.status}`;
  const isInconclusive = NO_HEALTH_PAGE.has(health.status) || isRedirect(health.status);
  if (server.healthPath !== undefined || !isInconclusive) return { failure };
  const models = await fetchPage(server, MODELS_PATH, probe);
  // A list that requires a key exists too.
  return models.ok || models.status === 401 || models.status === 403
    ? undefined
    : { failure: `${failure} and ${MODELS_PATH} ${models.status}` };
}

const isRedirect = (status: number) => status >= 300 && status <= 399;

function isTimeout(error: unknown): boolean {
  return error instanceof ProbeTimeout;
}

/** A page wasn't answered in time. */
class ProbeTimeout extends Error {
  override name = "ProbeTimeout";
}

/** The server requires another key to list its models. */
export class Unauthorized extends Error {
  override name = "Unauthorized";
}

/** The server has no such page. */
export class NoPage extends Error {
  override name = "NoPage";
}

/**
 * Fetches a server's models where its engine lists them. Throws an `Error` with the reason on
 * failure, an {@linkcode Unauthorized} if the server requires another key, a {@linkcode NoPage} if
 * it has no list.
 */
export async function fetchModels(
  server: ServerConfig,
  engine: EngineName | undefined,
  probe: Probe,
): Promise<Model[]> {
  const { modelsPath: path = MODELS_PATH, parseModels: parse = parseModels } = engineNamed(engine);
  const { ok, status, text } = await fetchPage(server, path, probe);
  if (status === 401 || status === 403) {
    const key = server.apiKey === undefined ? "it needs an api_key" : "check its api_key";
    throw new Unauthorized(`${path} answered ${status}; ${key}`);
  }
  if (status === 404) throw new NoPage(`${path} answered ${status}`);
  if (!ok) throw new Error(`${path} answered ${status}`);
  return parse(text);
}

/**
 * Fetches a page; its text is empty unless the status is one of success. Throws an `Error` with the
 * reason if it can't be read in time or exceeds a limit.
 */
export async function fetchPage(
  server: ServerConfig,
  path: string,
  { fetch, timeoutMs, signal }: Probe,
): Promise<{ ok: boolean; status: number; text: string }> {
  const abort = new AbortController();
  const timer = setTimeout(
    () => abort.abort(new ProbeTimeout(`${path} took over ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  const stop = () => abort.abort();
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    // Otherwise fetch asks for gzip and decompresses it.
    const headers: [string, string][] = [["accept-encoding", "identity"]];
    if (server.apiKey) headers.push(["authorization", `Bearer ${server.apiKey}`]);
    const response = await fetch(server.url + path, { headers, signal: abort.signal });
    const { ok, status } = response;
    if (!ok) await response.body?.cancel();
    return { ok, status, text: ok ? await readPage(response, path, abort.signal) : "" };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
