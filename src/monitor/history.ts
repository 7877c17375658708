import type { View } from "./view.ts";
import type { EventView } from "./view_tables.ts";

/** The last quarter of an hour, one value a second, oldest first. */
export interface History {
  /** Wall-clock times in milliseconds. */
  readonly times: readonly number[];
  /** Finished requests per second. */
  readonly requestsPerSecond: readonly number[];
  /** Those that were answered well, per second. */
  readonly okPerSecond: readonly number[];
  /** Clients' errors per second. */
  readonly clientErrorsPerSecond: readonly number[];
  /** Requests per second whose client left. */
  readonly clientClosedPerSecond: readonly number[];
  /** Failed requests per second. */
  readonly failedPerSecond: readonly number[];
  /** Tokens generated per second at all servers. */
  readonly tokensPerSecond: readonly number[];
  /** Median time to first token in milliseconds. */
  readonly firstTokenP50: readonly (number | null)[];
  /** 95th percentile of the time to first token in milliseconds. */
  readonly firstTokenP95: readonly (number | null)[];
  /** 99th percentile of the time to first token in milliseconds. */
  readonly firstTokenP99: readonly (number | null)[];
  /** The current servers. */
  readonly servers: readonly ServerHistory[];
  /** Servers' changes of state, newest first, at most 200. */
  readonly changes: readonly EventView[];
}

/** One server's history; `null` before it was added or when it did not report a value. */
export interface ServerHistory {
  /** Base URL, which identifies the server. */
  readonly url: string;
  /** Display name. */
  readonly name: string;
  /** The router's own requests at this server. */
  readonly inFlight: readonly (number | null)[];
  /** Requests in its queue. */
  readonly waiting: readonly (number | null)[];
  /** KV-cache usage, 0 to 1. */
  readonly kvCacheUsage: readonly (number | null)[];
}

/** A quarter of an hour at one point per second. */
export const HISTORY_POINTS = 900;

/** A bounded history; 200 servers take about 2 MB. */
export interface Past {
  /** Adds a view as the next point. */
  add(view: View): void;
  /** Returns the points, and the servers of the last view. */
  read(): Omit<History, "changes">;
}

type Row = Float32Array;
type OfFleet = Exclude<keyof History, "times" | "servers" | "changes">;
type OfServer = Exclude<keyof ServerHistory, "url" | "name">;

const fleetRows: Record<OfFleet, (view: View) => number | null> = {
  requestsPerSecond: ({ totals }) => totals.requestsPerSecond,
  okPerSecond: ({ totals }) => totals.answersPerSecond.ok,
  clientErrorsPerSecond: ({ totals }) => totals.answersPerSecond.clientErrors,
  clientClosedPerSecond: ({ totals }) => totals.answersPerSecond.clientClosed,
  failedPerSecond: ({ totals }) => totals.answersPerSecond.failed,
  tokensPerSecond: ({ totals }) => totals.tokensPerSecond,
  firstTokenP50: ({ totals }) => totals.firstToken.p50,
  firstTokenP95: ({ totals }) => totals.firstToken.p95,
  firstTokenP99: ({ totals }) => totals.firstToken.p99,
};
const serverRows: readonly OfServer[] = ["inFlight", "waiting", "kvCacheUsage"];

/** In the rows, NaN stands for `null`. */
export function createPast(points: number = HISTORY_POINTS): Past {
  const emptyRow = (): Row => new Float32Array(points).fill(NaN);
  const times = new Float64Array(points);
  const fleet = mapValues(fleetRows, emptyRow);
  let servers = new Map<string, { name: string; rows: Record<OfServer, Row> }>();
  let count = 0;

  function ordered(row: Row | Float64Array): number[] {
    const next = count % points;
    return count <= points
      ? [...row.subarray(0, count)]
      : [...row.subarray(next), ...row.subarray(0, next)];
  }
  const reported = (row: Row) =>
    ordered(row).map((value) => Number.isNaN(value) ? null : Math.round(value * 1000) / 1000);
  const known = (row: Row) => reported(row).map((value) => value ?? 0);

  return {
    add(view) {
      const at = count++ % points;
      times[at] = view.at;
      for (const [name, read] of entries(fleetRows)) fleet[name][at] = read(view) ?? NaN;
      const before = servers;
      servers = new Map(view.servers.map((server) => {
        const rows = before.get(server.url)?.rows ??
          { inFlight: emptyRow(), waiting: emptyRow(), kvCacheUsage: emptyRow() };
        for (const name of serverRows) rows[name][at] = server[name] ?? NaN;
        return [server.url, { name: server.name, rows }];
      }));
    },
    read: () => ({
      times: ordered(times),
      requestsPerSecond: known(fleet.requestsPerSecond),
      okPerSecond: known(fleet.okPerSecond),
      clientErrorsPerSecond: known(fleet.clientErrorsPerSecond),
      clientClosedPerSecond: known(fleet.clientClosedPerSecond),
      failedPerSecond: known(fleet.failedPerSecond),
      tokensPerSecond: known(fleet.tokensPerSecond),
      firstTokenP50: reported(fleet.firstTokenP50),
      firstTokenP95: reported(fleet.firstTokenP95),
      firstTokenP99: reported(fleet.firstTokenP99),
      servers: [...servers].map(([url, { name, rows }]) => ({
        url,
        name,
        inFlight: reported(rows.inFlight),
        waiting: reported(rows.waiting),
        kvCacheUsage: reported(rows.kvCacheUsage),
      })),
    }),
  };
}

function entries<K extends string, V>(record: Record<K, V>): [K, V][] {
  return Object.entries(record) as [K, V][];
}

function mapValues<K extends string, V, W>(record: Record<K, V>, map: () => W): Record<K, W> {
  return Object.fromEntries(Object.keys(record).map((key) => [key, map()])) as Record<K, W>;
}
