import { Counter, Gauge, type Registry } from "prom-client";
import { usedTokens } from "../proxy/quota/used_tokens.ts";
import type { RequestRecord } from "../proxy/request_record.ts";
import type { KeySource } from "./key_statistics.ts";
import { keepSeries, type LabelValue } from "./series.ts";

/** The metrics by the names of clients' keys. */
export interface KeyMetrics {
  /** Counts a request that ended. */
  readonly closed: (record: Readonly<RequestRecord>, model: string) => void;
  /** Counts a request that was refused for a limit. */
  readonly turnedAway: (key: string | undefined, limit: string | undefined) => void;
  /** Removes the series of all other keys. */
  readonly keepKeys: (names: ReadonlySet<LabelValue>) => Promise<void>;
  /** Removes the series of all other models. */
  readonly keepModels: (models: ReadonlySet<LabelValue>) => Promise<void>;
}

/** Registers the metrics by key. `keys` is read for each page. */
export function registerKeyMetrics(registers: Registry[], keys: KeySource | undefined): KeyMetrics {
  const requests = new Counter({
    name: "vllm_router_key_requests_total",
    help: "Requests that ended or were refused for a limit, by the name of their key.",
    labelNames: ["key", "code"],
    registers,
  });
  const tokens = new Counter({
    name: "vllm_router_key_tokens_total",
    help: "Tokens that requests used, by the name of their key.",
    labelNames: ["key", "model", "kind"],
    registers,
  });
  const rejections = new Counter({
    name: "vllm_router_key_rejections_total",
    help: "Requests refused for a limit of their key.",
    labelNames: ["key", "limit"],
    registers,
  });
  new Gauge({
    name: "vllm_router_key_limit_usage",
    help: "Used share of a key's limit of tokens that is closest to being reached, 0 to 1.",
    labelNames: ["key"],
    registers,
    collect() {
      this.reset();
      for (const key of keys?.list() ?? []) {
        const share = keys!.shareOf(key);
        if (share !== undefined) this.set({ key: key.name }, share);
      }
    },
  });

  return {
    closed(record, model) {
      const { key } = record;
      if (key === undefined) return;
      requests.inc({ key, code: String(record.status) });
      if (record.limit !== undefined) rejections.inc({ key, limit: record.limit });
      const used = usedTokens(record);
      if (!used) return;
      tokens.inc({ key, model, kind: "prompt" }, used.promptTokens);
      tokens.inc({ key, model, kind: "completion" }, used.completionTokens);
    },
    turnedAway(key, limit) {
      if (key === undefined) return;
      if (limit !== undefined) rejections.inc({ key, limit });
      // With a valid key, only a limit of the key or of the address turns a request away.
      requests.inc({ key, code: "429" });
    },
    async keepKeys(names) {
      for (const counter of [requests, tokens, rejections]) {
        await keepSeries(counter, { key: names });
      }
    },
    keepModels: (models) => keepSeries(tokens, { model: models }),
  };
}
