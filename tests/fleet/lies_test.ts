import assert from "node:assert/strict";
import fc from "fast-check";
import type { Decision } from "../../src/fleet/decision.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Lease } from "../../src/fleet/lease.ts";
import { parseMetrics } from "../../src/engines/engines.ts";
import type { Server } from "../../src/fleet/state/server.ts";
import { usageIn } from "../../src/vllm/usage.ts";
import { costOf } from "../../src/routing/least_work.ts";
import { configOf } from "../support/config.ts";
import { numRuns } from "../support/property.ts";
import { seeded } from "../support/random.ts";
import { profileOf } from "../support/work.ts";

const HONEST = ["http://a", "http://b"];
const LIAR = "http://liar";

type Numbers = { readonly [metric: string]: number };

/** A page of one engine, or of several with the same values. */
function pageOf(numbers: Numbers, engines = 1): string {
  return Array.from(
    { length: engines },
    (_, engine) =>
      Object.entries(numbers).map(([metric, value]) =>
        metric === "cache_config_info"
          ? `vllm:${metric}{engine="${engine}",kv_cache_size_tokens="${value}"} 1.0\n`
          : `vllm:${metric}{engine="${engine}"} ${value}\n`
      ).join(""),
  ).join("");
}

/** Two honest servers and one with false reports, all healthy, with a fake clock. */
function fleetOf() {
  const clock = { now: 1_000_000_000 };
  const decisions: Decision[] = [];
  const random = seeded(7);
  const config = (urls: readonly string[]) =>
    configOf(urls.map((url) => ({ url, max_concurrent_requests: 8, models: ["m"] })));
  const fleet = new Fleet({
    config: config([...HONEST, LIAR]),
    now: () => clock.now,
    random,
    onDecision: (decision) => void decisions.push(decision),
  });
  const serverAt = (url: string) =>
    (fleet.servers as Server[]).find((server) => server.config.url === url)!;
  const check = () => {
    for (const server of fleet.servers as Server[]) {
      fleet.recordCheck(server, { ok: true, responseMs: 1 });
    }
  };
  check();

  function scrape(url: string, page: string): void {
    const server = serverAt(url);
    const { running = 0, waiting = 0, asleep, ...read } = parseMetrics(page);
    fleet.recordScrape(
      server,
      { ...read, running, waiting, ownInFlight: server.inFlight },
      asleep,
    );
  }
  function begin(promptBytes: number, stream = true): Lease | undefined {
    const lease = fleet.acquire(
      profileOf({ model: "m", promptBytes, stream }),
      new Map(),
    );
    return typeof lease === "string" ? undefined : lease;
  }
  function end(lease: Lease, promptTokens: number, answerTokens: number): void {
    const usage = { prompt_tokens: promptTokens, completion_tokens: answerTokens };
    const told = usageIn(new TextEncoder().encode(`{"usage":${JSON.stringify(usage)}}`));
    lease.end("ok", {
      promptTokens: told?.promptTokens,
      answerTokens: told?.completionTokens,
    });
  }
  /** Minutes of a fleet whose servers are all honest and alike, and how often each was chosen. */
  function honestMinutes(minutes: number): Map<string, number> {
    const chosen = new Map(fleet.servers.map(({ config }) => [config.url, 0]));
    const done = new Map<string, { requests: number; tokens: number; seconds: number }>();
    let open: { lease: Lease; tokens: number; seconds: number; endsAt: number }[] = [];
    const endAllBy = (now: number) => {
      for (const { lease, tokens, seconds } of open.filter(({ endsAt }) => endsAt <= now)) {
        end(lease, tokens, 100);
        const { url } = lease.server.config;
        const before = done.get(url) ?? { requests: 0, tokens: 0, seconds: 0 };
        done.set(url, {
          requests: before.requests + 1,
          tokens: before.tokens + tokens,
          seconds: before.seconds + seconds,
        });
      }
      open = open.filter(({ endsAt }) => endsAt > now);
    };
    const until = clock.now + minutes * 60_000;
    for (let scrapedAt = 0; clock.now < until; clock.now += 100) {
      endAllBy(clock.now);
      if (clock.now - scrapedAt >= 1_000) {
        scrapedAt = clock.now;
        check();
        for (const { config: { url }, inFlight } of fleet.servers) {
          const { requests, tokens, seconds } = done.get(url) ??
            { requests: 0, tokens: 0, seconds: 0 };
          scrape(
            url,
            pageOf({
              num_requests_running: inFlight,
              num_requests_waiting: 0,
              kv_cache_usage_perc: inFlight / 100,
              prompt_tokens_total: tokens,
              generation_tokens_total: 100 * requests,
              prefix_cache_queries_total: tokens,
              prefix_cache_hits_total: 0,
              time_to_first_token_seconds_count: requests,
              time_to_first_token_seconds_sum: seconds,
              inter_token_latency_seconds_count: 99 * requests,
              inter_token_latency_seconds_sum: 99 * 0.01 * requests,
              cache_config_info: 100_000,
            }),
          );
        }
      }
      const tokens = 100 + Math.floor(random() * 2_000);
      const lease = begin(4 * tokens)!;
      const seconds = 0.02 + 0.0001 * tokens;
      clock.now += 1_000 * seconds;
      lease.started();
      const { url } = lease.server.config;
      chosen.set(url, chosen.get(url)! + 1);
      open.push({ lease, tokens, seconds, endsAt: clock.now + 1_000 });
    }
    endAllBy(Infinity);
    return chosen;
  }
  const remove = () => fleet.reconcile(config(HONEST));
  return { fleet, clock, decisions, scrape, begin, end, honestMinutes, remove, check };
}

type Parts = ReturnType<typeof fleetOf>;

/** Asserts that every number about servers and decisions is finite. */
function assertFinite({ fleet, decisions }: Parts): void {
  const isFine = (value: unknown) =>
    value === undefined || (typeof value === "number" && Number.isFinite(value) && value >= 0);
  const { servers, tokensPerByte } = fleet.snapshot();
  for (const { url, work, load, running, waiting } of servers) {
    const known = { ...work, load, running, waiting };
    for (const [name, value] of Object.entries(known)) {
      assert.ok(isFine(value), `${name} of ${url}: ${value}`);
    }
  }
  for (const [, ratio] of tokensPerByte) assert.ok(isFine(ratio), `tokens per byte: ${ratio}`);
  for (const { candidates } of decisions.splice(0)) {
    for (const { server, load, prediction } of candidates) {
      const known = { ...prediction, cost: costOf(prediction!, load) };
      for (const [name, value] of Object.entries(known)) {
        assert.ok(isFine(value), `${name} at ${server.config.url}: ${value}`);
      }
    }
  }
}

const lie = fc.oneof(
  { weight: 3, arbitrary: fc.double() },
  { weight: 3, arbitrary: fc.constantFrom(0, 1, -1, 1e6, 1e12, 1e15, 2 ** 53 - 1, 1e308, -1e308) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
  { weight: 2, arbitrary: fc.nat() },
);
const METRICS = [
  "num_requests_running",
  "num_requests_waiting",
  "kv_cache_usage_perc",
  "prompt_tokens_total",
  "generation_tokens_total",
  "prefix_cache_queries_total",
  "prefix_cache_hits_total",
  "time_to_first_token_seconds_count",
  "time_to_first_token_seconds_sum",
  "inter_token_latency_seconds_count",
  "inter_token_latency_seconds_sum",
  "cache_config_info",
];
const page = fc.record({
  numbers: fc.record(Object.fromEntries(METRICS.map((name) => [name, lie])), { requiredKeys: [] }),
  engines: fc.integer({ min: 1, max: 3 }),
});
/** What happens, in any order; `of` picks one of the requests that are open. */
const eventOf = (mostBytes: number, waitMs: fc.Arbitrary<number>) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("scrape" as const), page }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("begin" as const),
        promptBytes: fc.nat(mostBytes),
        stream: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("start" as const), of: fc.nat() }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("end" as const), of: fc.nat(), in: lie, out: lie }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("wait" as const),
        ms: waitMs,
      }),
    },
  );

type Event = ReturnType<typeof eventOf> extends fc.Arbitrary<infer E> ? E : never;

/** Lets it all happen; in the end no request is open. */
function live(
  parts: Parts,
  events: Iterable<Event>,
) {
  const open: Lease[] = [];
  for (const happens of events) {
    switch (happens.kind) {
      case "scrape":
        parts.scrape(LIAR, pageOf(happens.page.numbers as Numbers, happens.page.engines));
        break;
      case "begin": {
        const lease = parts.begin(happens.promptBytes, happens.stream);
        if (lease) open.push(lease);
        break;
      }
      case "start":
        open[happens.of % open.length]?.started();
        break;
      case "end": {
        const [lease] = open.splice(happens.of % open.length, 1);
        // Honest servers tell honest answers.
        const isLie = lease?.server.config.url === LIAR;
        if (lease) parts.end(lease, isLie ? happens.in : 250, isLie ? happens.out : 100);
        break;
      }
      case "wait":
        parts.clock.now += happens.ms;
    }
    assertFinite(parts);
  }
  for (const lease of open) lease.end("client_closed");
}

Deno.test("whatever a server reports, every decision, latency and average is finite", () => {
  const clock = fc.oneof(fc.nat(2_000), fc.constantFrom(0, 3_600_000, -3_600_000, 86_400_000));
  const event = eventOf(64 * 1024 * 1024, clock);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => live(fleetOf(), events)),
    { numRuns },
  );
});

// A server that was slow, or claimed to be, is relearned within minutes.
Deno.test("minutes after its last false report a server is chosen as often as others, as are these once it is removed", () => {
  const event = eventOf(40_000, fc.nat(300));
  fc.assert(
    fc.property(fc.array(event, { minLength: 20, maxLength: 60 }), (events) => {
      const parts = fleetOf();
      live(parts, events);
      parts.honestMinutes(8);
      assertEven(parts.honestMinutes(1));
      parts.remove();
      assertEven(parts.honestMinutes(1));
      assertFinite(parts);
    }),
    { numRuns: Math.ceil(numRuns / 100) },
  );
});

function assertEven(counts: ReadonlyMap<string, number>): void {
  const all = [...counts.values()].reduce((a, b) => a + b);
  for (const [url, count] of counts) {
    assert.ok(count > 0.5 * all / counts.size, `${url}: ${count} of ${all}`);
  }
}
