import { Gauge, type Registry } from "prom-client";
import type { SourceStatus } from "../discovery/status.ts";
import { wallTimeMs } from "../util/clock.ts";

/** Registers gauges that each scrape reads from the sources of servers and peers. */
export function registerSourceGauges(
  registers: Registry[],
  sources: () => readonly SourceStatus[],
): void {
  const gauge = (
    name: string,
    help: string,
    read: (source: SourceStatus) => number | undefined,
  ) =>
    new Gauge({
      name: `vllm_router_discovery_${name}`,
      help,
      labelNames: ["source"],
      registers,
      collect() {
        this.reset();
        for (const source of sources()) {
          const value = read(source);
          if (value !== undefined) this.set({ source: source.name }, value);
        }
      },
    });
  gauge(
    "up",
    "1 if a source of servers or peers could be read at the last try, else 0.",
    ({ servers, failure }) => Number(servers !== undefined && !failure),
  );
  gauge(
    "servers",
    "Number of servers or routers that a source last reported.",
    ({ servers }) => servers ?? 0,
  );
  gauge(
    "failed_since_timestamp_seconds",
    "Since when a source can't be read, in seconds since 1970; missing for those that can.",
    ({ failure }) => failure && Math.round(wallTimeMs(failure.since) / 1000),
  );
}
