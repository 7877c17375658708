import process from "node:process";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** The metrics of the router's process that are not read for each page but recorded. */
export interface ProcessMetrics {
  /** Records by how much the event loop was late, in milliseconds. */
  readonly lagged: (lagMs: number) => void;
}

/** In seconds: a timer is about a millisecond late on an idle router. */
const LAG_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Registers metrics of the router's own process, under the names of Prometheus' client libraries
 * where the same thing is measured. What can't be read is left out: the runtime reads `/proc` only
 * for programs without any restriction, so there are no `process_open_fds` and `process_max_fds`.
 *
 * @param openConnections returns the number of open connections; `undefined` if it is not known
 */
export function registerProcessMetrics(
  registers: Registry[],
  openConnections: (() => number) | undefined,
): ProcessMetrics {
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time that the router has used, user and system, in seconds.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the router in bytes.",
    registers,
    collect() {
      this.set(Deno.memoryUsage().rss);
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the router was started, in seconds since 1970.",
    registers,
  }).set(performance.timeOrigin / 1000);
  if (openConnections) {
    new Gauge({
      name: "vllm_router_open_connections",
      help: "Open TCP connections of clients and to http:// servers; each takes a file descriptor.",
      registers,
      collect() {
        this.set(openConnections());
      },
    });
  }
  const lag = new Histogram({
    name: "vllm_router_event_loop_lag_seconds",
    help: "How late the event loop ran a timer, 20 times a second.",
    buckets: LAG_BUCKETS,
    registers,
  });
  return { lagged: (lagMs) => lag.observe(lagMs / 1000) };
}
