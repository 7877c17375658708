import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { usedTokens } from "../proxy/quota/used_tokens.ts";
import type { RequestRecord } from "../proxy/request_record.ts";
import type { Listener } from "./listener.ts";
import { keepSeries, type LabelValue } from "./series.ts";
import { registerServerGauges } from "./server_gauges.ts";

/** The router's metrics: the listener that updates them and the page that exports them. */
export interface Metrics {
  /** Updates the metrics as events happen. */
  readonly listener: Partial<Listener>;
  /** Returns the page in Prometheus' text format. */
  page(): Promise<string>;
  /** The content type of the page. */
  readonly contentType: string;
}

/** In seconds, from the time of a cache hit to the longest acceptable wait. */
const LONG_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** In seconds, for the time between tokens and for the router's own overhead. */
const SHORT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The label for models that no server lists: text from clients never becomes a label. */
const UNKNOWN_MODEL = "unknown";

/**
 * Creates the router's own metrics, in base units.
 *
 * @param snapshot called for each page to fill in the gauges
 * @param version the router's version, exported as a label
 */
export function createMetrics(snapshot: () => FleetSnapshot, version: string): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `vllm_router_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `vllm_router_${name}`, help, buckets, registers });

  const requests = counter("requests_total", "Requests that ended.", ["model", "server", "code"]);
  const duration = histogram(
    "request_duration_seconds",
    "Time from a request's head to the end of its answer.",
    LONG_BUCKETS,
  );
  const firstToken = histogram(
    "time_to_first_token_seconds",
    "Time from a request's head to the first bytes of its stream.",
    LONG_BUCKETS,
  );
  const nextToken = histogram(
    "inter_token_latency_seconds",
    "Time between two chunks of a stream.",
    SHORT_BUCKETS,
  );
  const overhead = histogram(
    "overhead_seconds",
    "Time from the end of a request's body to its first attempt.",
    SHORT_BUCKETS,
  );
  const attempts = counter("attempts_total", "Attempts that ended.", ["server", "outcome"]);
  const failovers = counter("failovers_total", "Requests that moved to another server.", [
    "reason",
  ]);
  const turnedAway = counter(
    "turned_away_total",
    "Requests refused for their origin, key or limits.",
    ["reason"],
  );
  const keyRequests = counter(
    "key_requests_total",
    "Requests that ended or were refused for a limit, by the name of their key.",
    ["key", "code"],
  );
  const keyTokens = counter(
    "key_tokens_total",
    "Tokens that requests used, by the name of their key.",
    ["key", "model", "kind"],
  );
  const keyRejections = counter(
    "key_rejections_total",
    "Requests refused for a limit of their key.",
    ["key", "limit"],
  );
  const retriesDenied = counter("retries_held_back_total", "Retries denied by the retry budget.");
  const continued = counter("streams_continued_total", "Streams that went on at another server.");
  const broken = counter(
    "streams_broken_total",
    "Streams that broke off and could not go on at another server.",
    ["reason"],
  );
  const disconnects = counter("client_disconnects_total", "Clients that disconnected early.", [
    "stage",
  ]);
  const tokens = counter("tokens_total", "Tokens, as reported by answers.", ["model", "kind"]);
  const reloads = counter("config_reloads_total", "Configuration reloads.", ["outcome"]);
  new Gauge({
    name: "vllm_router_build_info",
    help: "The router's version.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  // Taken once per page, so that all gauges agree.
  let latest: FleetSnapshot | undefined;
  registerServerGauges(registers, () => latest?.servers ?? []);

  /**
   * Removes the series of servers and models that left the fleet. If one comes back, its counter
   * restarts at 0, which Prometheus handles as an ordinary reset.
   */
  async function keepSeriesOf({ servers }: FleetSnapshot): Promise<void> {
    // "" stands for the router's own answers, `UNKNOWN_MODEL` for models that no server lists.
    const names = new Set<LabelValue>(["", ...servers.map(({ name }) => name)]);
    const models = new Set<LabelValue>([
      UNKNOWN_MODEL,
      ...servers.flatMap(({ models }) => [...models.keys()]),
    ]);
    await keepSeries(requests, { server: names, model: models });
    await keepSeries(attempts, { server: names });
    await keepSeries(tokens, { model: models });
    await keepSeries(keyTokens, { model: models });
  }

  function countOfKey(key: string, model: string, record: Readonly<RequestRecord>): void {
    if (record.limit !== undefined) keyRejections.inc({ key, limit: record.limit });
    const used = usedTokens(record);
    if (!used) return;
    keyTokens.inc({ key, model, kind: "prompt" }, used.promptTokens);
    keyTokens.inc({ key, model, kind: "completion" }, used.completionTokens);
  }

  return {
    listener: {
      chosen: (ms) => overhead.observe(ms / 1000),
      firstToken: (_server, _sinceAttemptMs, ms) => firstToken.observe(ms / 1000),
      nextToken: (ms) => nextToken.observe(ms / 1000),
      failover: ({ reason }) => failovers.inc({ reason }),
      retryDenied: () => retriesDenied.inc(),
      continued: () => continued.inc(),
      notContinued: (reason) => broken.inc({ reason }),
      closed(record) {
        // A request that reached a server names a model that servers list.
        const model = record.attempts > 0 && record.model || UNKNOWN_MODEL;
        requests.inc({ model, server: record.server ?? "", code: String(record.status) });
        if (record.key !== undefined) {
          keyRequests.inc({ key: record.key, code: String(record.status) });
          countOfKey(record.key, model, record);
        }
        if (record.limit !== undefined) turnedAway.inc({ reason: "token_limit" });
        duration.observe(record.durationMs / 1000);
        if (record.outcome === "client_closed") disconnects.inc({ stage: stageOf(record) });
        if (record.usage) {
          tokens.inc({ model, kind: "prompt" }, record.usage.promptTokens);
          tokens.inc({ model, kind: "completion" }, record.usage.completionTokens);
        }
      },
      attemptEnded: ({ name: server }, outcome) => attempts.inc({ server, outcome }),
      turnedAway(reason, _client, key, limit) {
        turnedAway.inc({ reason });
        if (key !== undefined && limit !== undefined) keyRejections.inc({ key, limit });
        // With a valid key, only a limit of the key or of the address turns a request away.
        if (key !== undefined) keyRequests.inc({ key, code: "429" });
      },
      async reloaded({ access }) {
        reloads.inc({ outcome: "ok" });
        const names = new Set<LabelValue>(access.keys.map(({ name }) => name));
        await keepSeries(keyRequests, { key: names });
        await keepSeries(keyTokens, { key: names });
        await keepSeries(keyRejections, { key: names });
        // If nobody scrapes the page, this keeps series of removed servers from accumulating.
        await keepSeriesOf(snapshot());
      },
      notReloaded: () => reloads.inc({ outcome: "invalid" }),
    },
    async page() {
      latest = snapshot();
      await keepSeriesOf(latest);
      return await registry.metrics();
    },
    contentType: registry.contentType,
  };
}

/** Returns the stage a request had reached when its client disconnected. */
function stageOf({ attempts, bytes }: Readonly<RequestRecord>): "upload" | "waiting" | "streaming" {
  if (attempts === 0) return "upload";
  return bytes === 0 ? "waiting" : "streaming";
}
