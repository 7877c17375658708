import { profileOf } from "../support/work.ts";
import { createMetrics } from "../../src/monitor/metrics.ts";
import { openRecord } from "../../src/proxy/request_record.ts";
import { keyOf } from "../support/access.ts";
import { configOf } from "../support/config.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { clientAs } from "../support/client.ts";

/** Type and labels of an exported metric. */
export interface Exported {
  readonly type: string;
  readonly labels: ReadonlySet<string>;
}

const SERVER = { url: "http://gpu-1:8000", name: "gpu-1" };
/** Labels that Prometheus adds to every series of a target. */
const OF_TARGET = ["job", "instance"];

/** Reads the exported metrics, by name, from a page on which every event has occurred. */
export async function exportedMetrics(): Promise<ReadonlyMap<string, Exported>> {
  const page = await pageOfEverything();
  const exported = new Map<string, { type: string; labels: Set<string> }>();
  for (const [, name, type] of page.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    exported.set(name!, { type: type!, labels: new Set(OF_TARGET) });
  }
  for (const [, name, labels] of page.matchAll(/^(\w+)\{(.*)\} \S+$/gm)) {
    for (const [, label] of labels!.matchAll(/(\w+)="/g)) {
      exported.get(folded(name!, exported))!.labels.add(label!);
    }
  }
  return exported;
}

/** The metric that a series belongs to: a histogram has three series. */
export function folded(series: string, exported: ReadonlyMap<string, unknown>): string {
  return exported.has(series) ? series : series.replace(/_(bucket|sum|count)$/, "");
}

function pageOfEverything(): Promise<string> {
  const config = configOf([{ ...SERVER, models: ["m"] }]);
  const fleet = new Fleet({ config });
  const server = fleet.servers[0]! as Parameters<typeof fleet.recordScrape>[0];
  const scrape = { running: 1, waiting: 0, kvCacheUsage: 0.5, maxFds: 1, ownInFlight: 0 };
  /** Hits are known once a server's counters have been compared with the predictions. */
  const counted = (prefixQueries: number) => {
    const counters = { generation: 0, prompt: 0, prefixQueries, prefixHits: 0 };
    fleet.recordScrape(server, { ...scrape, counters }, false);
  };
  fleet.recordCheck(server, { ok: true, responseMs: 1 });
  counted(0);
  const lease = fleet.acquire(profileOf({ model: "m", promptBytes: 4_000 }), new Map());
  if (typeof lease === "object") lease.started();
  counted(100_000);
  fleet.recordScrape(server, scrape, false);
  const { listener, lagged, page } = createMetrics(() => fleet.snapshot(), "1.2.3", {
    keys: { list: () => [keyOf("lab")], shareOf: () => 0.5 },
    openConnections: () => 1,
    peers: () => [{ router: "http://a:9090", isUp: true, since: 0, problem: undefined }],
    sources: () => [{ name: "dns a", servers: 1, failure: { reason: "away", since: 0 } }],
  });
  const account = openRecord({
    id: "1",
    client: clientAs({ address: "::1", keyName: "lab" }),
    method: "POST",
    path: "/",
  });
  listener.chosen!(1);
  listener.firstToken!(SERVER, 1, 1, "m");
  listener.nextToken!(1);
  listener.failover!({ id: "1", from: SERVER.name, to: SERVER.name, reason: "reset" });
  listener.continued!({ id: "1", from: SERVER.name, to: SERVER.name, reason: "truncated" });
  listener.notContinued!("seed");
  listener.attemptEnded!(SERVER, "ok");
  listener.closed!({ ...account, usage: { promptTokens: 1, completionTokens: 1 } });
  listener.closed!({ ...account, outcome: "client_closed" });
  listener.connectionFailed!("tls_handshake");
  lagged(1);
  listener.turnedAway!("key_limit", "::1", "lab", "max_in_flight");
  const access = { ...config.access, keys: [keyOf("lab")] };
  listener.reloaded!({ ...config, access }, []);
  return page();
}
