import { measureCapacity, whyNoCapacity } from "./capacity.ts";
import { writeCertificate } from "./certificate.ts";
import { LONG_PROMPT_BYTES, measureLatency, measureRequests } from "./requests.ts";
import { measureIdle, measureMemory, streamsToOpen } from "./memory.ts";
import { type Part, print } from "./part.ts";
import { ROUTER } from "./proxies/proxy.ts";
import { type Aim, atMost, figures } from "./report.ts";
import type { Bench } from "./rounds.ts";
import { scaleParts } from "./scale/parts.ts";
import { selfParts } from "./self/parts.ts";
import { added, ratios, type Rounds } from "./statistics.ts";
import { MANY_STREAMS, measureEvents, STREAMS } from "./streams.ts";

const PLAIN_COSTS: Readonly<Record<string, Part>> = {
  requests: (bench) =>
    comparedWithNginx("CPU per request, 1 KB JSON", "µs", 3, bench, measureRequests(bench)),
  prompts(bench) {
    const request = { promptBytes: LONG_PROMPT_BYTES };
    const what = "CPU per request with a prompt of 8 KB";
    return comparedWithNginx(what, "µs", 4, bench, measureRequests(bench, request));
  },
  chunks(bench) {
    const what = `CPU per streamed chunk, ${STREAMS} streams at 100/s`;
    return comparedWithNginx(what, "µs", 1.6, bench, measureEvents(bench, STREAMS));
  },
  events(bench) {
    const what = "CPU per event at 25,600 events/s";
    return comparedWithNginx(what, "µs", 1, bench, measureEvents(bench, MANY_STREAMS));
  },
};

/** All parts by name. */
export const parts: Readonly<Record<string, Part>> = {
  ...PLAIN_COSTS,
  ...Object.fromEntries(
    Object.entries(PLAIN_COSTS).map(([name, part]) => [`tls-${name}`, overTls(part)]),
  ),
  async latency(bench) {
    const rounds = await measureLatency(bench);
    const what = (quantile: string) => `Added latency ${quantile}, one connection`;
    const p50 = added(rounds, ({ p50Ms }) => 1000 * p50Ms);
    const p99 = added(rounds, ({ p99Ms }) => 1000 * p99Ms);
    return [
      ...await comparedWithNginx(what("p50"), "µs", 2, bench, p50),
      ...await comparedWithNginx(what("p99"), "µs", 2, bench, p99),
    ];
  },
  async idle(bench) {
    const rounds = await measureIdle(bench);
    print(figures("Memory of an idle process", "MB", rounds));
    return [atMost("Memory of an idle process", 80, "MB", rounds.get(ROUTER))];
  },
  memory: (bench) => memoryWith(1_000, bench),
  "memory-10k": (bench) => memoryWith(10_000, bench),
  async capacity(bench) {
    const what = "Streams of 50 tokens/s on one core before tokens queue";
    const aim: Aim = { what, bound: "at least", limit: 1000, unit: "streams", rounds: undefined };
    const reason = whyNoCapacity();
    if (reason !== undefined) {
      print(`The part capacity ${reason}. It is skipped.`);
      return [aim];
    }
    const rounds = await measureCapacity(bench);
    print(figures(what, "streams", rounds));
    return [{ ...aim, rounds: rounds.get(ROUTER) }];
  },
  ...scaleParts,
  ...selfParts,
};

async function memoryWith(wanted: number, bench: Bench): Promise<readonly Aim[]> {
  const streams = streamsToOpen(wanted);
  const what = `Memory per stream, ${streams ?? wanted} streams`;
  if (streams === undefined) return [atMost(what, 60, "KB", undefined)];
  const rounds = await measureMemory(bench, streams);
  print(figures(what, "KB", rounds));
  return [atMost(what, 60, "KB", rounds.get(ROUTER))];
}

/** Prints a table; the aim is a multiple of nginx. */
async function comparedWithNginx(
  what: string,
  unit: string,
  limit: number,
  { tls }: Bench,
  measured: Rounds | Promise<Rounds>,
): Promise<readonly Aim[]> {
  const title = tls ? `${what}, TLS` : what;
  const rounds = await measured;
  print(figures(title, unit, rounds));
  return [atMost(title, limit, "× nginx", ratios(rounds, ROUTER, "nginx"))];
}

/** Returns the part with TLS between client and proxy, for all proxies that can serve it. */
function overTls(part: Part): Part {
  return async (bench) => {
    const left = bench.proxies.filter(({ canServeTls }) => !canServeTls).map(({ name }) => name);
    if (left.length > 0) print(`Over TLS, ${left.join(", ")} can't be started. Skipped there.`);
    return await part({
      ...bench,
      proxies: bench.proxies.filter(({ canServeTls }) => canServeTls),
      tls: await writeCertificate(bench.folder),
    });
  };
}
