import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import type { RequestRecord } from "../proxy/request_record.ts";
import type { Listener } from "./listener.ts";
import { keepSeries, type LabelValue } from "./series.ts";
import { registerServerGauges } from "./server_gauges.ts";

/** What `/metrics` answers with, and what feeds it. */
export interface Metrics {
  /** Through which it hears of what goes on. */
  readonly listener: Partial<Listener>;
  /** The page in Prometheus' text format. */
  page(): Promise<string>;
  /** Of the page. */
  readonly contentType: string;
}

/** Seconds, from what a cache hit takes to what nobody should wait for. */
const LONG_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** Seconds, of tokens and of the router's own work. */
const SHORT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Stands for a model that no server lists: what clients write never becomes a label. */
const UNKNOWN_MODEL = "unknown";

/**
 * The router's own metrics, in base units.
 *
 * @param snapshot read for each page for what is a state and not an event
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
    "From a request's head to its answer's end.",
    LONG_BUCKETS,
  );
  const firstToken = histogram(
    "time_to_first_token_seconds",
    "From a request's head to its stream's first bytes.",
    LONG_BUCKETS,
  );
  const nextToken = histogram(
    "inter_token_latency_seconds",
    "Between two chunks of a stream.",
    SHORT_BUCKETS,
  );
  const overhead = histogram(
    "overhead_seconds",
    "What the router adds between the end of a request's body and its first attempt.",
    SHORT_BUCKETS,
  );
  const attempts = counter("attempts_total", "Attempts that ended.", ["server", "outcome"]);
  const failovers = counter("failovers_total", "Requests that moved to another server.", [
    "reason",
  ]);
  const turnedAway = counter("turned_away_total", "Requests turned away at the door.", ["reason"]);
  const keyRequests = counter(
    "key_requests_total",
    "Requests that ended or were turned away, by their key's name.",
    ["key", "code"],
  );
  const heldBack = counter("retries_held_back_total", "Retries that the retry budget forbade.");
  const disconnects = counter("client_disconnects_total", "Clients that left before the end.", [
    "stage",
  ]);
  const tokens = counter("tokens_total", "Tokens, as answers told them.", ["model", "kind"]);
  const reloads = counter("config_reloads_total", "Changes of the configuration.", ["outcome"]);
  new Gauge({
    name: "vllm_router_build_info",
    help: "The router's version.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  // One for all of a page.
  let latest: FleetSnapshot | undefined;
  registerServerGauges(registers, () => latest?.servers ?? []);

  /** What left the fleet takes its series along; a counter that begins anew is an ordinary reset. */
  async function keepSeriesOf({ servers }: FleetSnapshot): Promise<void> {
    // Of answers that are the router's own, and of models that no server lists.
    const names = new Set<LabelValue>(["", ...servers.map(({ name }) => name)]);
    const models = new Set<LabelValue>([
      UNKNOWN_MODEL,
      ...servers.flatMap(({ models }) => [...models.keys()]),
    ]);
    await keepSeries(requests, { server: names, model: models });
    await keepSeries(attempts, { server: names });
    await keepSeries(tokens, { model: models });
  }

  return {
    listener: {
      chosen: (ms) => overhead.observe(ms / 1000),
      firstToken: (_server, _sinceAttemptMs, ms) => firstToken.observe(ms / 1000),
      nextToken: (ms) => nextToken.observe(ms / 1000),
      failover: ({ reason }) => failovers.inc({ reason }),
      retryHeldBack: () => heldBack.inc(),
      closed(record) {
        // A model that was sent to a server is one that servers list.
        const model = record.attempts > 0 && record.model || UNKNOWN_MODEL;
        requests.inc({ model, server: record.server ?? "", code: String(record.status) });
        if (record.key !== undefined) {
          keyRequests.inc({ key: record.key, code: String(record.status) });
        }
        duration.observe(record.durationMs / 1000);
        if (record.outcome === "client_closed") disconnects.inc({ stage: stageOf(record) });
        if (record.usage) {
          tokens.inc({ model, kind: "prompt" }, record.usage.promptTokens);
          tokens.inc({ model, kind: "completion" }, record.usage.completionTokens);
        }
      },
      attemptEnded: ({ name: server }, outcome) => attempts.inc({ server, outcome }),
      turnedAway(reason, _client, key) {
        turnedAway.inc({ reason });
        // Of those with a key, all for its limits or those of its address.
        if (key !== undefined) keyRequests.inc({ key, code: "429" });
      },
      async reloaded({ access }) {
        reloads.inc({ outcome: "ok" });
        const names = new Set<LabelValue>(access.keys.map(({ name }) => name));
        await keepSeries(keyRequests, { key: names });
        // Where nobody asks for pages, this keeps the series of old servers from adding up.
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

/** How far a request had come when its client left. */
function stageOf({ attempts, bytes }: Readonly<RequestRecord>): "upload" | "waiting" | "streaming" {
  if (attempts === 0) return "upload";
  return bytes === 0 ? "waiting" : "streaming";
}
