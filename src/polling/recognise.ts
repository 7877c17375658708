import type { ServerConfig } from "../config/config.ts";
import type { EngineName } from "../config/engine_name.ts";
import { engineNamed, engineOfMetrics, engineOfModels, parseMetrics } from "../engines/engines.ts";
import type { ServerMetrics } from "../engines/metrics_page.ts";
import { OLLAMA_GREETING } from "../engines/ollama.ts";
import type { Model } from "../fleet/state/models.ts";
import { fetchModels, fetchPage, NoPage, type Probe } from "./probe.ts";

/** A server's models, and the engine that they show it to be. */
export interface FoundModels {
  readonly models: readonly Model[];
  /** `undefined` if they don't tell. */
  readonly engine: EngineName | undefined;
}

/**
 * Fetches a server's models. A server of an unknown engine without a list may be TEI, which
 * describes its only model elsewhere. One whose models don't tell its engine may be Ollama.
 *
 * @param known its engine, if known
 * @param isNew it has just started: whether it is Ollama is asked once
 * @throws {Error} with the reason, an `Unauthorized` if the server requires another key
 */
export async function findModels(
  server: ServerConfig,
  known: EngineName | undefined,
  isNew: boolean,
  probe: Probe,
): Promise<FoundModels> {
  try {
    const models = await fetchModels(server, known, probe);
    const mayBeOllama = isNew && known === undefined;
    const engine = known === "tei" ? known : engineOfModels(models);
    return { models, engine: engine ?? (mayBeOllama ? await askOllama(server, probe) : undefined) };
  } catch (error) {
    if (known !== undefined || !(error instanceof NoPage)) throw error;
    const models = await fetchModels(server, "tei", probe).catch(() => undefined);
    if (!models) throw error;
    return { models, engine: "tei" };
  }
}

/** A server's metrics, and the engine that they show it to be. */
export interface FoundMetrics {
  /** `undefined` if it has none. */
  readonly metrics: ServerMetrics | undefined;
  /** `undefined` if the page doesn't tell. */
  readonly engine: EngineName | undefined;
}

/**
 * Fetches a server's metrics and reads them as its engine writes them. The page tells which one it
 * is if that is unknown, or if the configuration names one whose metrics it hasn't.
 *
 * @param known its engine, if known
 * @throws {Error} with the reason if the page can't be read in time or exceeds a limit
 */
export async function findMetrics(
  server: ServerConfig,
  known: EngineName | undefined,
  probe: Probe,
): Promise<FoundMetrics> {
  const { metrics } = engineNamed(known);
  if (!metrics) return NOTHING;
  const { ok, text } = await fetchPage(server, metrics.path, probe);
  if (!ok) return NOTHING;
  const engine = known ?? engineOfMetrics(text);
  const found = parseMetrics(text, engine);
  const isOther = server.engine !== undefined && isEmpty(found);
  return { metrics: found, engine: isOther ? engineOfMetrics(text) : engine };
}

const NOTHING: FoundMetrics = { metrics: undefined, engine: undefined };

const isEmpty = ({ running, waiting, counters }: ServerMetrics) =>
  running === undefined && waiting === undefined && counters.generation === undefined;

/** Ollama's models may belong to anyone, but its `/` names it. */
async function askOllama(server: ServerConfig, probe: Probe): Promise<EngineName | undefined> {
  const { ok, text } = await fetchPage(server, "/", probe).catch(() => ({ ok: false, text: "" }));
  return ok && text === OLLAMA_GREETING ? "ollama" : undefined;
}
