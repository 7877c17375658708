import { Counter, Histogram, type Registry } from "prom-client";
import type { RequestRecord } from "../proxy/request_record.ts";
import { isFailed } from "./failures.ts";
import type { Listener } from "./listener.ts";
import { keepSeries, type LabelValue } from "./series.ts";

/** The metrics of requests, attempts and streams. */
export interface RequestMetrics {
  readonly listener: Partial<Listener>;
  /** Names the model of a request, or the one label for models that no server lists. */
  readonly modelOf: (record: Readonly<RequestRecord>) => string;
  /** Removes the series of all other servers and models. */
  readonly keep: (
    servers: ReadonlySet<LabelValue>,
    models: ReadonlySet<LabelValue>,
  ) => Promise<void>;
}

/** In seconds, from the time of a cache hit to the longest acceptable wait. */
export const LONG_BUCKETS = [
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
  120,
  300,
  600,
];
/** In seconds, for the time between tokens and for the router's own overhead. */
const SHORT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Names of the histograms that have exemplars. */
export const DURATION = "request_duration_seconds";
export const FIRST_TOKEN = "time_to_first_token_seconds";

/** The label for models that no server lists: text from clients never becomes a label. */
export const UNKNOWN_MODEL = "unknown";

/** Registers the metrics of requests. */
export function registerRequestMetrics(registers: Registry[]): RequestMetrics {
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `vllm_router_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[] = [],
  ) => new Histogram({ name: `vllm_router_${name}`, help, buckets, labelNames, registers });

  const requests = counter("requests_total", "Requests that ended.", ["model", "server", "code"]);
  const failed = counter(
    "requests_failed_total",
    "Requests that failed, by the last server asked and the reason, which is rejected for the " +
      "router's own errors.",
    ["model", "server", "reason"],
  );
  const duration = histogram(
    DURATION,
    "Time from a request's head to the end of its answer.",
    LONG_BUCKETS,
  );
  const firstToken = histogram(
    FIRST_TOKEN,
    "Time from a request's head to the first bytes of its stream.",
    LONG_BUCKETS,
    ["model"],
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

  /** The models that servers listed when the series were last looked through. */
  let listed: ReadonlySet<LabelValue> = new Set();
  const modelOf = ({ model, attempts }: Readonly<RequestRecord>) =>
    model && (attempts > 0 || listed.has(model)) ? model : UNKNOWN_MODEL;

  return {
    listener: {
      chosen: (ms) => overhead.observe(ms / 1000),
      firstToken(_server, _sinceAttemptMs, ms, model = UNKNOWN_MODEL) {
        firstToken.observe({ model }, ms / 1000);
      },
      nextToken: (ms) => nextToken.observe(ms / 1000),
      failover: ({ reason }) => failovers.inc({ reason }),
      retryDenied: () => retriesDenied.inc(),
      continued: () => continued.inc(),
      notContinued: (reason) => broken.inc({ reason }),
      closed(record) {
        const model = modelOf(record);
        requests.inc({ model, server: record.server ?? "", code: String(record.status) });
        if (isFailed(record)) {
          failed.inc({ model, server: record.lastServer ?? "", reason: record.outcome });
        }
        duration.observe(record.durationMs / 1000);
        if (record.outcome === "client_closed") disconnects.inc({ stage: stageOf(record) });
        if (record.usage) {
          tokens.inc({ model, kind: "prompt" }, record.usage.promptTokens);
          tokens.inc({ model, kind: "completion" }, record.usage.completionTokens);
        }
      },
      attemptEnded: ({ name: server }, outcome) => attempts.inc({ server, outcome }),
    },
    modelOf,
    async keep(servers, models) {
      listed = models;
      for (const counter of [requests, failed]) {
        await keepSeries(counter, { server: servers, model: models });
      }
      await keepSeries(firstToken, { model: models });
      await keepSeries(attempts, { server: servers });
      await keepSeries(tokens, { model: models });
    },
  };
}

/** Returns the stage a request had reached when its client disconnected. */
function stageOf({ attempts, bytes }: Readonly<RequestRecord>): "upload" | "waiting" | "streaming" {
  if (attempts === 0) return "upload";
  return bytes === 0 ? "waiting" : "streaming";
}
