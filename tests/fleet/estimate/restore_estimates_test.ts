import assert from "node:assert/strict";
import fc from "fast-check";
import { createEstimator } from "../../../src/fleet/estimate/create_estimator.ts";
import type { Estimator } from "../../../src/fleet/estimate/estimator.ts";
import type { PromptProfile } from "../../../src/fleet/estimate/prompt_profile.ts";
import { newServer, type Server } from "../../../src/fleet/state/server.ts";
import { firstTokenSeconds } from "../../../src/routing/policy.ts";
import { configOf } from "../../support/config.ts";
import { numRuns } from "../../support/property.ts";
import { profileOf } from "../../support/work.ts";

const NO_LOAD = { running: 0, waiting: 0, load: 0 };
const URLS = ["http://a", "http://b", "http://c"];

/** Servers at these addresses, as a router that starts makes them. */
function serversAt(urls: readonly string[]): Server[] {
  return configOf(urls.map((url) => ({ url, max_concurrent_requests: 8 }))).servers
    .map((config, id) => newServer(id, config, 0));
}

const range = (from: number, length: number) => Array.from({ length }, (_, i) => from + i);
const promptOf = (blocks: readonly number[], more: Partial<PromptProfile> = {}) =>
  profileOf({ model: "m", promptBytes: 512 * blocks.length, blocks, ...more });

interface Counters {
  readonly prompt?: number;
  readonly queries?: number;
  readonly hits?: number;
}

function scrape(
  estimator: Estimator,
  server: Server,
  now: number,
  { prompt, queries, hits }: Counters,
  kvCacheTokens?: number,
) {
  estimator.scraped(server, {
    running: 0,
    waiting: 0,
    kvCacheUsage: undefined,
    kvCacheTokens,
    kvBlockTokens: 64,
    maxFds: undefined,
    ownInFlight: 0,
    counters: { prompt, generation: undefined, prefixQueries: queries, prefixHits: hits },
  }, now);
}

/** Runs a request from start to end: `ms` to its first token, then 200 tokens in 4 s. */
function serve(
  estimator: Estimator,
  server: Server,
  profile: PromptProfile,
  now: number,
  ms: number,
  perByte = 0.25,
): void {
  const prediction = estimator.predictions(profile, now)(server, NO_LOAD);
  const request = estimator.begin(server, profile, prediction, now);
  estimator.firstToken(server, request, now + ms);
  const size = { promptTokens: perByte * profile.promptBytes!, answerTokens: 201 };
  estimator.end(server, request, size, now + ms + 4_000);
}

/** An estimator that knows three servers, the third one without its counters. */
function learned(servers: readonly Server[]): Estimator {
  const estimator = createEstimator();
  servers.forEach((server, i) => {
    if (i < 2) scrape(estimator, server, 1_000, { prompt: 0, queries: 0, hits: 0 }, 1_000_000);
    for (let round = 0; round < 20; round++) {
      const blocks = range(1_000_000 * i + 1_000 * round, 5 + round);
      const profile = promptOf(blocks, { session: 100 * i + round });
      serve(estimator, server, profile, 5_000 * (round + 1), blocks.length * 128 * (i + 1), 0.5);
    }
    if (i < 2) {
      const counters = { prompt: 9_000, queries: 9_000, hits: 4_000 };
      scrape(estimator, server, 105_000, counters, 1_000_000);
    }
  });
  return estimator;
}

function savedBy(estimator: Estimator, servers: readonly Server[]) {
  return JSON.parse([...estimator.save(servers, false)].join(""));
}

/** An estimator in a new process, on another clock, that takes over what was saved. */
function restored(saved: unknown, servers: readonly Server[], now: number): Estimator {
  const estimator = createEstimator();
  assert.equal(estimator.restore(servers, saved, now), undefined);
  return estimator;
}

const isNear = (value: number, aim: number, share = 0.15) =>
  assert.ok(Math.abs(value - aim) <= share * aim, `${value} is to be about ${aim}`);

Deno.test("servers that no source has named yet are saved again, until all sources were read", () => {
  const servers = serversAt(URLS);
  const saved = savedBy(learned(servers), servers);
  const estimator = restored(saved, [], 5);
  const again = JSON.parse([...estimator.save([], true)].join(""));
  assert.deepEqual(again.servers.length, 3);
  // All in one piece each.
  const inOne = (blocks: readonly string[]) => blocks.map(atob).join("");
  for (const [i, { blocks, sessions, ...one }] of again.servers.entries()) {
    const { blocks: before, sessions: ofBefore, ...was } = saved.servers[i];
    assert.deepEqual(one, was);
    const isKnown = was.counters !== undefined;
    assert.equal(inOne(blocks), isKnown ? inOne(before) : "");
    assert.equal(sessions, isKnown ? ofBefore : "");
  }
  const [first] = servers as [Server];
  assert.ok(estimator.of(first, 10).prefixBlocks > 0);
  const rest = JSON.parse([...estimator.save([first], true)].join(""));
  assert.deepEqual(rest.servers.map(({ url }: { url: string }) => url), URLS);
  assert.deepEqual(savedBy(estimator, []).servers, []);
});

Deno.test("prefixes are kept only with a counter that shows whether the server has restarted", () => {
  const servers = serversAt(URLS);
  const saved = savedBy(learned(servers), servers);
  saved.servers[0].counters = { computed: 9_000, prefixHits: 4_000 };
  saved.servers[1].counters = { prefixQueries: 9_000 };
  const estimator = restored(saved, servers, 50);
  const [none, some] = servers.map((server) => estimator.of(server, 50).prefixBlocks);
  assert.ok(none === 0 && some! > 0, `${none} and ${some}`);
});

Deno.test("a server that a source names only after the start is known as well", () => {
  const before = serversAt(URLS);
  const old = learned(before);
  const estimator = restored(savedBy(old, before), [], 50);
  const [a] = serversAt(["http://a"]) as [Server];
  const [was, is] = [old.of(before[0]!, 105_000), estimator.of(a, 3_000)];
  isNear(is.secondsPerToken, was.secondsPerToken);
  assert.equal(is.prefixBlocks, was.prefixBlocks);
  // What has left and comes back is new.
  estimator.keep([]);
  assert.equal(estimator.of(a, 4_000).prefixBlocks, 0);
});

Deno.test("a restarted router knows paces, ratios, answer lengths, prefixes and sessions", () => {
  const before = serversAt(URLS);
  const old = learned(before);
  const after = serversAt(["http://c", "http://b", "http://a", "http://new"]);
  const estimator = restored(savedBy(old, before), after, 50);

  for (const [i, server] of before.entries()) {
    const [was, is] = [old.of(server, 105_000), estimator.of(after[2 - i]!, 50)];
    isNear(is.secondsPerToken, was.secondsPerToken);
    isNear(is.secondsPerAnswerToken, was.secondsPerAnswerToken);
    assert.equal(is.prefixTrust, was.prefixTrust);
    assert.equal(is.prefixBlocks, i < 2 ? was.prefixBlocks : 0, "only with counters");
  }
  // A server that is new is taken to be like the others.
  const all = before.map((server) => old.of(server, 105_000).secondsPerToken);
  const fresh = estimator.of(after[3]!, 50).secondsPerToken;
  assert.ok(fresh > Math.min(...all) / 2 && fresh < 2 * Math.max(...all), `${fresh}`);

  const profile = promptOf(range(1_000_000 + 3_000, 8));
  const [wanted, is] = [old, estimator].map((one) => one.expectedTokens(profile));
  isNear(is!.prompt, wanted!.prompt);
  isNear(is!.answer, wanted!.answer);
  assert.deepEqual([...estimator.tokensPerByte().keys()], ["m"]);

  const at = (server: Server, profile: PromptProfile) =>
    estimator.predictions(profile, 60)(server, NO_LOAD);
  isNear(at(after[1]!, profile).knownTokens, is!.prompt);
  assert.equal(at(after[2]!, profile).knownTokens, 0);
  const unknown = promptOf([], { promptBytes: 4_096, session: 103 });
  assert.ok(at(after[1]!, unknown).ownTokens < at(after[2]!, unknown).ownTokens, "its session");
});

Deno.test("blocks are restored in the order of their use", () => {
  const [server] = serversAt(["http://a"]) as [Server];
  const old = createEstimator();
  scrape(old, server, 1, { prompt: 0 }, 1_000_000);
  for (let i = 0; i < 50; i++) serve(old, server, promptOf(range(1_000 * i, 100)), 5_000 * i, 10);
  const estimator = restored(savedBy(old, [server]), [server], 7);
  assert.equal(estimator.of(server, 7).prefixBlocks, 5_000);
  // A cache of 2,050 blocks: the least recently used ones are evicted, in steps.
  for (let i = 0; i < 20; i++) scrape(estimator, server, 8 + i, { prompt: 0 }, 2_050 * 128);
  const known = (i: number) =>
    estimator.predictions(promptOf(range(1_000 * i, 100)), 50)(server, NO_LOAD).knownTokens > 0;
  assert.deepEqual(range(0, 50).map(known), range(0, 50).map((i) => i >= 29));
});

Deno.test("if there are too many blocks, the most recently used ones of each server are saved", () => {
  const servers = serversAt(["http://a", "http://b"]);
  const old = createEstimator();
  servers.forEach((server, i) => {
    scrape(old, server, 1, { prompt: 0 }, 128 * 200_000);
    for (let round = 0; round < 150; round++) {
      const blocks = range(1_000_000_000 * i + 10_000 * round, i === 0 ? 500 : 1_500);
      serve(old, server, promptOf(blocks), 5_000 * round, 10);
    }
  });
  assert.deepEqual(servers.map((server) => old.of(server, 1).prefixBlocks), [75_000, 200_000]);
  const estimator = restored(savedBy(old, servers), servers, 7);
  const [a, b] = servers.map((server) => estimator.of(server, 7).prefixBlocks) as [number, number];
  assert.ok(a + b <= 200_000 && a + b > 199_990);
  isNear(b / a, 200 / 75, 0.01);
  const last = promptOf(range(1_490_000, 500));
  assert.ok(estimator.predictions(last, 8)(servers[0]!, NO_LOAD).knownTokens > 0);
});

Deno.test("a server whose counters fell since has restarted: its prefixes are forgotten", () => {
  const servers = serversAt(URLS);
  const estimator = restored(savedBy(learned(servers), servers), servers, 50);
  const blocks = () => servers.map((server) => estimator.of(server, 60).prefixBlocks);
  assert.deepEqual(blocks(), [290, 290, 0]);
  scrape(estimator, servers[0]!, 55, { prompt: 9_001, queries: 9_001, hits: 4_000 });
  scrape(estimator, servers[1]!, 55, { prompt: 100, queries: 100, hits: 0 });
  assert.deepEqual(blocks(), [290, 0, 0]);
  const session = promptOf([], { promptBytes: 4_096, session: 103 });
  const own = servers.map((server) =>
    estimator.predictions(session, 60)(server, NO_LOAD).ownTokens
  );
  assert.equal(own[0], own[1]);
});

Deno.test("a server that has computed more than its cache holds since has other prefixes", () => {
  const servers = serversAt(URLS);
  const estimator = restored(savedBy(learned(servers), servers), servers, 50);
  const grown = (tokens: number) => ({ prompt: 9_000 + tokens, queries: 9_000, hits: 4_000 });
  scrape(estimator, servers[0]!, 55, grown(999_000), 1_000_000);
  scrape(estimator, servers[1]!, 55, grown(1_001_000), 1_000_000);
  assert.equal(estimator.of(servers[0]!, 60).prefixBlocks, 290);
  assert.equal(estimator.of(servers[1]!, 60).prefixBlocks, 0);
  // Only at the first scrape: a running router sees what it sends itself.
  scrape(estimator, servers[0]!, 60, grown(3_000_000), 1_000_000);
  assert.equal(estimator.of(servers[0]!, 60).prefixBlocks, 290);
});

Deno.test("promised blocks, and those hashed in another way, are not restored", () => {
  const servers = serversAt(["http://a"]);
  const [server] = servers as [Server];
  const old = createEstimator();
  scrape(old, server, 1, { prompt: 0 });
  serve(old, server, promptOf([1, 2, 3]), 10, 10);
  const pending = promptOf([1, 2, 77, 78]);
  old.begin(server, pending, old.predictions(pending, 20)(server, NO_LOAD), 20);
  const saved = savedBy(old, servers);
  assert.equal(restored(saved, servers, 5).of(server, 6).prefixBlocks, 3);
  const other = restored({ ...saved, hashing: saved.hashing + 1 }, servers, 5);
  assert.equal(other.of(server, 6).prefixBlocks, 0);
  isNear(other.of(server, 6).secondsPerToken, old.of(server, 20).secondsPerToken);
});

Deno.test("a saved state contains no text of a prompt, but names of servers and models", () => {
  const servers = serversAt(["http://a"]);
  const text = [...learned(servers).save(servers, false)].join("");
  const strings = text.match(/"[^"]*"/g)!.filter((string) => string.length < 1_000);
  const known = new Set(strings.filter((string) => !/^"[A-Za-z0-9+/]*={0,2}"$/.test(string)));
  assert.deepEqual([...known], ['"http://a"']);
});

const SERVERS = serversAt(URLS);
const SAVED = savedBy(learned(SERVERS), SERVERS);

/** Asserts that an estimator predicts something that may be. */
function isSane(estimator: Estimator): void {
  for (const server of SERVERS) {
    const profile = promptOf(range(1_000_000, 8), { session: 3 });
    const prediction = estimator.predictions(profile, 2_000)(server, NO_LOAD);
    for (const [name, value] of Object.entries(prediction)) {
      assert.ok(Number.isFinite(value) && value >= 0, `${name} is ${value}`);
    }
    const { secondsPerToken, startSeconds, secondsPerSeat } = prediction;
    assert.ok(secondsPerToken <= 1 / 50 && secondsPerToken >= 1e-6, `${secondsPerToken}`);
    assert.ok(startSeconds <= 10 && secondsPerSeat <= 1e7);
    serve(estimator, server, profile, 3_000, 100);
    scrape(estimator, server, 4_000, { prompt: 5, queries: 5, hits: 1 });
    for (const value of Object.values(estimator.of(server, 9_000))) {
      assert.ok(value === undefined || Number.isFinite(value));
    }
    assert.ok([...estimator.save(SERVERS, true)].length > 0);
  }
}

Deno.test("whatever a router has seen, it takes over what it has saved itself", () => {
  const amount = fc.oneof(fc.nat(), fc.double({ min: 0, max: 2 ** 53, noNaN: true }));
  const request = fc.record({
    server: fc.nat(1),
    model: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
    promptBytes: fc.option(fc.oneof(fc.nat(10_000), fc.constant(1e9)), { nil: undefined }),
    blocks: fc.array(fc.integer(), { maxLength: 5 }),
    session: fc.option(fc.integer(), { nil: undefined }),
    stream: fc.boolean(),
    ms: fc.oneof(fc.nat(10_000), fc.constant(1e9)),
    promptTokens: amount,
    answerTokens: amount,
    counter: amount,
    blockTokens: fc.integer({ min: 1, max: 65_536 }),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 8 }), (requests) => {
      const servers = SERVERS.slice(0, 2);
      const estimator = createEstimator();
      let now = 1_000;
      for (const { server, ms, promptTokens, answerTokens, counter, ...profile } of requests) {
        const at = servers[server]!;
        const prediction = estimator.predictions(profile, now)(at, NO_LOAD);
        const sent = estimator.begin(at, profile, prediction, now);
        estimator.firstToken(at, sent, now += ms);
        estimator.end(at, sent, { promptTokens, answerTokens }, now += ms);
        scrape(estimator, at, now, { prompt: counter, queries: counter, hits: counter });
      }
      const saved = savedBy(estimator, servers);
      assert.equal(createEstimator().restore(servers, saved, 1_000), undefined);
    }),
    { numRuns: numRuns / 20 },
  );
});

Deno.test("any JSON is restored or refused, and the router goes on", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (saved) => {
      const estimator = createEstimator();
      const problem = estimator.restore(SERVERS, saved, 1_000);
      assert.equal(typeof problem, "string");
      isSane(estimator);
    }),
    { numRuns: numRuns / 10 },
  );
});

/** All places in a value, as lists of keys. */
function placesIn(value: unknown, way: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [[...way]];
  return [
    [...way],
    ...Object.entries(value).flatMap(([key, inner]) =>
      placesIn(inner, [...way, Array.isArray(value) ? Number(key) : key])
    ),
  ];
}

/** Returns the value with something else in one place; `undefined` removes it. */
function changed(
  value: unknown,
  [key, ...way]: readonly (string | number)[],
  to: unknown,
): unknown {
  if (key === undefined) return to;
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? [...value] as never
    : { ...value as object };
  copy[key] = changed(copy[key], way, to);
  return copy;
}

const PLACES = placesIn(SAVED);
const anything = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(undefined, 0, -1, 1e-320, 1e308, Infinity, NaN, 2 ** 53, "", "AAAAAA==", null),
  fc.double(),
  fc.base64String(),
);

Deno.test("any change to a saved state is restored or refused, and the router goes on", () => {
  const changes = fc.array(fc.tuple(fc.constantFrom(...PLACES), anything), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(changes, (changes) => {
      let saved: unknown = SAVED;
      for (const [place, to] of changes) {
        if (typeof saved === "object") saved = changed(saved, place, to);
      }
      const estimator = createEstimator();
      const problem = estimator.restore(SERVERS, saved, 1_000);
      assert.ok(problem === undefined || problem.length > 0);
      isSane(estimator);
    }),
    { numRuns: numRuns / 4 },
  );
});

Deno.test("the extremes that a state may contain are outweighed by the first observations", () => {
  const pace = (start: number, perToken: number, step: number) => ({
    prefills: 4,
    prefill: Array(6).fill([start, perToken]),
    decodes: 4,
    step,
  });
  const [server] = SERVERS as [Server, ...Server[]];
  for (const extreme of [pace(10, 1 / 50, 5), pace(0, 1e-6, 0.001)]) {
    const saved = {
      ...SAVED,
      pace: extreme,
      servers: SAVED.servers.map((one: object) => ({ ...one, pace: extreme })),
    };
    const estimator = restored(saved, SERVERS, 1_000);
    for (let i = 0; i < 40; i++) {
      const profile = promptOf(range(7_000_000 + 100 * i, 10 + i % 20), { stream: true });
      serve(estimator, server, profile, 2_000 + 5_000 * i, profile.promptBytes! / 8);
    }
    const next = promptOf(range(9_000_000, 20));
    const prediction = estimator.predictions(next, 205_000)(server, NO_LOAD);
    // From 10 to 90 seconds, or none.
    isNear(firstTokenSeconds(prediction), 20 * 512 / 8 / 1000, 1);
    // From 5 or 0.001 seconds.
    const { secondsPerAnswerToken } = estimator.of(server, 205_000);
    assert.ok(secondsPerAnswerToken > 0.01 && secondsPerAnswerToken < 0.1);
  }
});

Deno.test("what is wrong with a state names the place", () => {
  const problemOf = (saved: unknown) => createEstimator().restore(SERVERS, saved, 1);
  assert.match(problemOf({ ...SAVED, place: 17 })!, /^place: /);
  const servers = [SAVED.servers[0], { ...SAVED.servers[1], trust: 2 }];
  assert.match(problemOf({ ...SAVED, servers })!, /^servers\[1\]\.trust: /);
  assert.match(problemOf({ ...SAVED, servers: Array(10_001).fill(1) })!, /^servers: /);
});
