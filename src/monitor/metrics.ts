import { Counter, Gauge, Registry } from "prom-client";
import type { SourceStatus } from "../discovery/status.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { registerKeyMetrics } from "./key_metrics.ts";
import type { KeySource } from "./key_statistics.ts";
import type { Listener } from "./listener.ts";
import { nextTimeSlice } from "../util/time_slices.ts";
import { createExemplars } from "./exemplars.ts";
import { toOpenMetrics } from "./open_metrics.ts";
import { registerProcessMetrics } from "./process_metrics.ts";
import { registerRequestMetrics, UNKNOWN_MODEL } from "./request_metrics.ts";
import type { LabelValue } from "./series.ts";
import { registerServerGauges } from "./server_gauges.ts";
import type { PeerStatus } from "../peers/status.ts";
import { registerPeerGauges } from "./peer_gauges.ts";
import { registerSourceGauges } from "./source_gauges.ts";

/** Removed servers whose series may be kept if nobody scrapes the page. */
const MOST_GONE = 1_000;

/** The router's metrics: the listener that updates them and the page that exports them. */
export interface Metrics {
  /** Updates the metrics as events happen. */
  readonly listener: Partial<Listener>;
  /** Records how late the event loop was, in milliseconds. */
  readonly lagged: (lagMs: number) => void;
  /** Returns the page in Prometheus' text format. */
  page(): Promise<string>;
  /** The content type of the page. */
  readonly contentType: string;
  /** Returns the page in OpenMetrics, with exemplars; `undefined` while there are none. */
  openMetricsPage(): Promise<string> | undefined;
}

/** What is read for each page besides the fleet. What is missing has no metric. */
export interface MetricsSources {
  /** The keys, and what they have used of their limits. */
  readonly keys?: KeySource | undefined;
  /** Returns the number of open connections, of clients and to servers. */
  readonly openConnections?: (() => number) | undefined;
  /** Returns the state of the sources of servers. */
  readonly sources?: (() => readonly SourceStatus[]) | undefined;
  /** Returns the state of the router's peers. */
  readonly peers?: (() => readonly PeerStatus[]) | undefined;
}

/**
 * Creates the router's own metrics, in base units.
 *
 * @param snapshot called for each page to fill in the gauges
 * @param version the router's version, exported as a label
 */
export function createMetrics(
  snapshot: () => FleetSnapshot,
  version: string,
  { keys, openConnections, sources, peers }: MetricsSources = {},
): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `vllm_router_${name}`, help, labelNames, registers });

  const requests = registerRequestMetrics(registers);
  const byKey = registerKeyMetrics(registers, keys);
  /** Servers that sources have removed since their series were. */
  let gone = 0;
  // Taken once per page, so that all gauges agree.
  let latest: FleetSnapshot | undefined;
  registerServerGauges(registers, () => latest?.servers ?? []);
  if (sources) registerSourceGauges(registers, sources);
  if (peers) registerPeerGauges(registers, peers);
  const turnedAway = counter(
    "turned_away_total",
    "Requests refused for their origin, key or limits.",
    ["reason"],
  );
  const connectionFailures = counter(
    "connection_failures_total",
    "Connections that could not be accepted, or whose TLS handshake failed.",
    ["reason"],
  );
  // Both from the start: a rate shows nothing of a series' first increase.
  for (const reason of ["accept", "tls_handshake"]) connectionFailures.inc({ reason }, 0);
  const spansExported = counter("spans_exported_total", "Spans that the collector took.", []);
  const spansDropped = counter("spans_dropped_total", "Spans that were lost.", ["reason"]);
  for (const reason of ["queue_full", "rejected", "shutdown"]) spansDropped.inc({ reason }, 0);
  const exemplars = createExemplars();
  const reloads = counter("config_reloads_total", "Configuration reloads.", ["outcome"]);
  const lastReload = new Gauge({
    name: "vllm_router_config_last_reload_successful",
    help: "1 if the configuration file as last read is in effect, 0 if it is invalid.",
    registers,
  });
  lastReload.set(1);
  new Gauge({
    name: "vllm_router_build_info",
    help: "The router's version.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const { lagged } = registerProcessMetrics(registers, openConnections);

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
    await requests.keep(names, models);
    await byKey.keepModels(models);
  }

  /** Builds a page in time slices, since thousands of servers take a tenth of a second. */
  async function build(): Promise<string> {
    latest = snapshot();
    await keepSeriesOf(latest);
    const texts: string[] = [];
    let startedAt = performance.now();
    for (const { name } of registry.getMetricsAsArray()) {
      startedAt = await nextTimeSlice(startedAt);
      texts.push(await registry.getSingleMetricAsString(name));
    }
    return `${texts.join("\n\n")}\n`;
  }

  let lastPage: Promise<unknown> = Promise.resolve();
  /** Pages are built one after another, since all gauges of a page read the same snapshot. */
  function page(): Promise<string> {
    const built = lastPage.then(build);
    lastPage = built.catch(() => {});
    return built;
  }

  return {
    listener: {
      ...requests.listener,
      closed(record, trace) {
        requests.listener.closed!(record);
        if (trace?.isSampled) exemplars.note(record, trace.id, Date.now());
        byKey.closed(record, requests.modelOf(record));
        if (record.limit !== undefined) turnedAway.inc({ reason: "token_limit" });
      },
      turnedAway(reason, _client, key, limit) {
        turnedAway.inc({ reason });
        byKey.turnedAway(key, limit);
      },
      spansExported: (count) => spansExported.inc(count),
      spansDropped: (reason, count) => spansDropped.inc({ reason }, count),
      connectionFailed: (reason) => connectionFailures.inc({ reason }),
      async reloaded({ access }) {
        reloads.inc({ outcome: "ok" });
        lastReload.set(1);
        await byKey.keepKeys(new Set(access.keys.map(({ name }) => name)));
        // If nobody scrapes the page, this keeps series of removed servers from accumulating.
        await keepSeriesOf(snapshot());
      },
      async sourceChanged({ removed }) {
        gone += removed;
        if (gone < MOST_GONE) return;
        gone = 0;
        await keepSeriesOf(snapshot());
      },
      notReloaded() {
        reloads.inc({ outcome: "invalid" });
        lastReload.set(0);
      },
    },
    lagged,
    page,
    contentType: registry.contentType,
    openMetricsPage: () =>
      exemplars.isEmpty() ? undefined : page().then((text) => toOpenMetrics(text, exemplars.of)),
  };
}
