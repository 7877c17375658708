import type { EngineName } from "../config/engine_name.ts";
import type { Model } from "../fleet/state/models.ts";
import type { Engine } from "./engine.ts";
import { llamaCpp } from "./llama_cpp.ts";
import { lmdeploy } from "./lmdeploy.ts";
import { createPageReader, type ServerMetrics } from "./metrics_page.ts";
import { ollama } from "./ollama.ts";
import { sglang } from "./sglang.ts";
import { tei } from "./tei.ts";
import { tensorrtLlm } from "./tensorrt_llm.ts";
import { tgi } from "./tgi.ts";
import { vllm } from "./vllm.ts";

const engines: { readonly [name in EngineName]: Engine } = {
  vllm,
  sglang,
  "llama.cpp": llamaCpp,
  tgi,
  "tensorrt-llm": tensorrtLlm,
  lmdeploy,
  ollama,
  tei,
};

const all = Object.values(engines);

/** Returns an engine; vLLM while a server's is unknown. */
export function engineNamed(name: EngineName | undefined): Engine {
  return engines[name ?? "vllm"];
}

const readers = new Map(
  all.flatMap(({ name, metrics }) => metrics ? [[name, createPageReader(metrics)] as const] : []),
);

/** Reads an engine's metrics. Throws an `Error` with the reason. */
export function parseMetrics(page: string, engine: EngineName = "vllm"): ServerMetrics {
  const read = readers.get(engine);
  if (!read) throw new Error(`${engine} has no metrics`);
  return read(page);
}

/** Recognises an engine by who owns its models; `undefined` unless the known owners agree. */
export function engineOfModels(models: readonly Model[]): EngineName | undefined {
  const owners = new Set(models.map((model) => model.owned_by));
  const found = all.filter(({ owner }) => owner !== undefined && owners.has(owner));
  return found.length === 1 ? found[0]!.name : undefined;
}

const byPrefix = new Map(
  all.flatMap(({ name, metrics }) => metrics ? [[metrics.prefix, name]] : []),
);
const LINE_OF_ENGINE = new RegExp(`^(?:# (?:HELP|TYPE) )?(${[...byPrefix.keys()].join("|")})`, "m");

/** Recognises an engine by the first of its metrics on a page. */
export function engineOfMetrics(page: string): EngineName | undefined {
  const prefix = LINE_OF_ENGINE.exec(page)?.[1];
  return prefix === undefined ? undefined : byPrefix.get(prefix);
}
