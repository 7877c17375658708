import assert from "node:assert/strict";
import type { Load } from "../../../src/fleet/estimate/load.ts";
import { newServer, type Server } from "../../../src/fleet/state/server.ts";
import type {
  Ended,
  PromptProfile,
  QueuedRequest,
} from "../../../src/fleet/estimate/prompt_profile.ts";
import { createEstimator } from "../../../src/fleet/estimate/create_estimator.ts";
import { firstTokenSeconds as firstTokenSecondsAt } from "../../../src/routing/policy.ts";
import { configOf } from "../../support/config.ts";
import { profileOf } from "../../support/work.ts";

const NO_LOAD: Load = { running: 0, waiting: 0, load: 0 };
const SCRAPE = {
  running: 0,
  waiting: 0,
  kvCacheUsage: undefined,
  maxFds: undefined,
  ownInFlight: 0,
};

/** An estimator of two servers with a fake clock. */
function estimator() {
  const { servers } = configOf([
    { url: "http://a", max_concurrent_requests: 8 },
    { url: "http://b", max_concurrent_requests: 8 },
  ]);
  const [a, b] = servers.map((config, id) => newServer(id, config, 0)) as [Server, Server];
  const clock = { now: 1_000_000 };
  const estimate = createEstimator();
  const look = (server: Server, profile: PromptProfile, load = NO_LOAD) =>
    estimate.predictions(profile, clock.now)(server, load);
  const begin = (server: Server, profile: PromptProfile) =>
    estimate.begin(server, profile, look(server, profile), clock.now);
  const end = (server: Server, request: QueuedRequest, ended: Ended = {}) =>
    estimate.end(server, request, ended, clock.now);
  /** Runs a request from start to end. */
  const serve = (server: Server, profile: PromptProfile, afterMs: number, ended: Ended = {}) => {
    const request = begin(server, profile);
    clock.now += afterMs;
    estimate.firstToken(server, request, clock.now);
    end(server, request, ended);
  };
  /** Scrapes a server with these counters and other values. */
  const scrape = (
    server: Server,
    counters: {
      prompt?: number;
      queries?: number;
      hits?: number;
      firstTokens?: number;
      firstTokenSeconds?: number;
    },
    more: Partial<typeof SCRAPE> & { kvCacheTokens?: number } = {},
  ) =>
    estimate.scraped(server, {
      ...SCRAPE,
      counters: {
        prompt: counters.prompt,
        generation: undefined,
        prefixQueries: counters.queries,
        prefixHits: counters.hits,
        firstTokens: counters.firstTokens,
        firstTokenSeconds: counters.firstTokenSeconds,
      },
      ...more,
    }, clock.now);
  return { estimate, clock, a, b, look, begin, end, serve, scrape };
}

/** A prompt whose blocks are these numbers. */
const promptOf = (...blocks: number[]) => profileOf({ promptBytes: 512 * blocks.length, blocks });
const range = (from: number, length: number) => Array.from({ length }, (_, i) => from + i);

const isNear = (value: number, aim: number, share = 0.05) =>
  assert.ok(Math.abs(value - aim) <= share * aim, `${value} is to be about ${aim}`);

Deno.test("a prompt is pending on its server until its first token, and nowhere else", () => {
  const { estimate, clock, a, b, begin, end, look } = estimator();
  const profile = profileOf({ promptBytes: 40_000 });
  const request = begin(a, profile);
  assert.equal(look(a, profile).pendingTokens, 10_000);
  assert.equal(look(b, profile).pendingTokens, 0);
  assert.equal(estimate.of(a, clock.now).pendingTokens, 10_000);
  clock.now += 1_000;
  estimate.firstToken(a, request, clock.now);
  estimate.firstToken(a, request, clock.now);
  assert.equal(look(a, profile).pendingTokens, 0);
  end(a, request);
  assert.equal(look(a, profile).pendingTokens, 0);
});

Deno.test("a prompt whose request ends without a first token is no longer pending", () => {
  const { a, begin, end, look } = estimator();
  const profile = profileOf({ promptBytes: 40_000 });
  end(a, begin(a, profile));
  assert.equal(look(a, profile).pendingTokens, 0);
});

Deno.test("a prefix that a server has seen reduces the work there, in part", () => {
  const { a, b, look, serve } = estimator();
  serve(a, promptOf(...range(1, 40)), 500);
  const next = promptOf(...range(1, 40), ...range(100, 10));
  const [there, elsewhere] = [look(a, next), look(b, next)];
  isNear(there.knownTokens, 0.25 * 512 * 40);
  assert.equal(elsewhere.knownTokens, 0);
  isNear(elsewhere.ownTokens, 0.25 * 512 * 50);
  // The prompts differ within the next block, and the server's own blocks have 16 tokens.
  isNear(there.ownTokens, there.promptTokens - 0.97 * (there.knownTokens + (128 - 16) / 2));
  assert.equal(there.promptTokens, elsewhere.promptTokens);
});

Deno.test("a fully known prompt still costs some work", () => {
  const { a, look, serve } = estimator();
  const profile = promptOf(...range(1, 40));
  serve(a, profile, 500);
  assert.ok(look(a, profile).ownTokens >= 1);
});

Deno.test("a session counts if no prefix matches, and for less than a prefix", () => {
  const { a, b, look, serve } = estimator();
  const session = 77;
  serve(a, profileOf({ promptBytes: 20_000, session }), 500);
  const next = profileOf({ promptBytes: 20_000, session });
  const [there, elsewhere] = [look(a, next), look(b, next)];
  assert.ok(there.ownTokens < elsewhere.ownTokens);
  assert.ok(there.ownTokens > 0.5 * elsewhere.ownTokens, "a preference with a price");
  assert.equal(there.knownTokens, 0, "nothing that was predicted");
  assert.equal(look(a, profileOf({ promptBytes: 20_000, session: 78 })).ownTokens, 5_000);
});

Deno.test("a session belongs only to the server that had it last", () => {
  const { a, b, look, serve } = estimator();
  const profile = profileOf({ promptBytes: 20_000, session: 77 });
  serve(a, profile, 500);
  serve(b, profile, 500);
  assert.equal(look(a, profile).ownTokens, 5_000);
  assert.ok(look(b, profile).ownTokens < 5_000);
});

Deno.test("an attempt without a first token adds no prefix and removes none from before", () => {
  const { a, begin, end, look, serve } = estimator();
  serve(a, promptOf(...range(1, 20)), 500);
  const longer = promptOf(...range(1, 60));
  const known = look(a, longer).knownTokens;
  const request = begin(a, longer);
  assert.equal(look(a, longer).knownTokens, 3 * known, "while it is under way");
  end(a, request);
  assert.equal(look(a, longer).knownTokens, known);
});

Deno.test("an unstreamed request whose client disconnects after the expected prefill leaves its prefix", () => {
  const { a, clock, begin, end, look } = estimator();
  const profile = profileOf({ ...promptOf(...range(1, 40)), stream: false });
  const early = begin(a, profile);
  clock.now += 10;
  end(a, early);
  assert.equal(look(a, profile).knownTokens, 0);
  const late = begin(a, profile);
  clock.now += 60_000;
  end(a, late);
  assert.ok(look(a, profile).knownTokens > 0);
});

Deno.test("an attempt without a first token moves no session, and a restart ends all sessions", () => {
  const { a, b, begin, end, look, serve, scrape } = estimator();
  const profile = profileOf({ promptBytes: 20_000, session: 77 });
  const isAt = (server: Server) => look(server, profile).ownTokens < 5_000;
  scrape(b, { prompt: 50_000 });
  serve(b, profile, 500);
  end(a, begin(a, profile));
  assert.deepEqual([isAt(a), isAt(b)], [false, true]);
  scrape(b, { prompt: 100 });
  assert.deepEqual([isAt(a), isAt(b)], [false, false]);
});

Deno.test("the latency model learns nothing from prompts that wait for a seat or have an unknown length", () => {
  const { estimate, clock, a, b, look, end } = estimator();
  const before = [a, b].map((server) => estimate.of(server, clock.now).secondsPerToken);
  const full: Load = { running: 8, waiting: 0, load: 1 };
  for (let i = 0; i < 60; i++) {
    for (
      const [server, profile, load] of [
        [a, profileOf({ promptBytes: 4_000 }), full],
        [b, profileOf(), NO_LOAD],
      ] as const
    ) {
      const request = estimate.begin(server, profile, look(server, profile, load), clock.now);
      clock.now += 4_000;
      estimate.firstToken(server, request, clock.now);
      clock.now += 100;
      end(server, request);
    }
  }
  const after = [a, b].map((server) => estimate.of(server, clock.now).secondsPerToken);
  assert.deepEqual(after, before);
});

Deno.test("an unstreamed prompt is pending until its expected first token", () => {
  for (const how of ["chosen", "shown"]) {
    const { estimate, clock, a, begin, look } = estimator();
    const profile = profileOf({ promptBytes: 40_000, stream: false });
    begin(a, profile);
    const pending = () =>
      how === "shown" ? estimate.of(a, clock.now).pendingTokens : look(a, profile).pendingTokens;
    assert.ok(pending() > 0);
    clock.now += 60_000;
    assert.equal(pending(), 0, how);
  }
});

Deno.test("a clock that is set back doesn't affect pending requests", () => {
  const { estimate, clock, a, b, begin, end, look } = estimator();
  const profile = profileOf({ promptBytes: 8_000 });
  const under = Array.from({ length: 20 }, () => begin(b, profile));
  clock.now -= 3_600_000;
  for (const request of under) {
    estimate.firstToken(b, request, clock.now);
    end(b, request);
    const { pendingTokens } = look(a, profile, { running: 4, waiting: 0, load: 0.5 });
    assert.ok(pendingTokens >= 0 && pendingTokens <= 4 * 2_000, `${pendingTokens}`);
  }
});

Deno.test("a request without a prompt costs no work and teaches nothing", () => {
  const { estimate, clock, a, begin, look, scrape } = estimator();
  const before = estimate.of(a, clock.now);
  scrape(a, { prompt: 0, firstTokens: 0 });
  for (let i = 0; i < 100; i++) {
    const profile = profileOf({ promptBytes: 0, stream: false });
    assert.equal(look(a, profile).ownTokens, 0);
    const request = begin(a, profile);
    assert.equal(estimate.of(a, clock.now).pendingTokens, 0);
    clock.now += 900;
    estimate.firstToken(a, request, clock.now);
    estimate.end(a, request, {}, clock.now);
  }
  scrape(a, { prompt: 5_000, firstTokens: 1 });
  const { secondsPerToken, prefixBlocks } = estimate.of(a, clock.now);
  assert.deepEqual([secondsPerToken, prefixBlocks], [before.secondsPerToken, 0]);
  assert.equal(look(a, profileOf()).promptTokens, 1_000, "the usual prompt is as long as before");
});

Deno.test("token ratios are learned from usage in answers, separately for each model", () => {
  const { a, look, serve } = estimator();
  const profile = profileOf({ model: "m", promptBytes: 10_000 });
  for (let i = 0; i < 200; i++) serve(a, profile, 100, { promptTokens: 5_000, answerTokens: 10 });
  isNear(look(a, profile).promptTokens, 5_000);
  isNear(look(a, { ...profile, model: "n" }).promptTokens, 2_500);
});

Deno.test("token ratios are learned from a server's counters if it has no other clients", () => {
  const { a, look, serve, scrape } = estimator();
  const profile = profileOf({ model: "m", promptBytes: 10_000 });
  scrape(a, { prompt: 0 });
  for (let i = 1; i <= 200; i++) {
    serve(a, profile, 100);
    scrape(a, { prompt: 5_000 * i });
  }
  isNear(look(a, profile).promptTokens, 5_000);

  const busy = estimator();
  busy.scrape(busy.a, { prompt: 0 });
  for (let i = 1; i <= 200; i++) {
    busy.serve(busy.a, profile, 100);
    busy.scrape(busy.a, { prompt: 9_000 * i }, { running: 3, ownInFlight: 1 });
  }
  isNear(busy.look(busy.a, profile).promptTokens, 2_500);

  const uneven = estimator();
  uneven.scrape(uneven.a, { prompt: 0, firstTokens: 0 });
  for (let i = 1; i <= 200; i++) {
    uneven.serve(uneven.a, profile, 100);
    uneven.scrape(uneven.a, { prompt: 10_000 * i, firstTokens: 2 * i });
  }
  isNear(uneven.look(uneven.a, profile).promptTokens, 2_500, 0.001);

  const whole = estimator();
  whole.scrape(whole.a, { prompt: 0 });
  for (let i = 1; i <= 200; i++) {
    whole.serve(whole.a, { ...profile, stream: false }, 100);
    whole.scrape(whole.a, { prompt: 5_000 * i });
  }
  isNear(whole.look(whole.a, profile).promptTokens, 2_500, 0.001);
});

Deno.test("the latency model learns nothing from a stream behind an unstreamed request", () => {
  const { estimate, clock, a, begin, end } = estimator();
  const before = estimate.of(a, clock.now).secondsPerToken;
  for (let i = 0; i < 60; i++) {
    const whole = begin(a, profileOf({ promptBytes: 40_000, stream: false }));
    const stream = begin(a, profileOf({ promptBytes: 4_000 }));
    clock.now += 900;
    estimate.firstToken(a, stream, clock.now);
    clock.now += 5_000;
    end(a, stream);
    end(a, whole);
  }
  assert.equal(estimate.of(a, clock.now).secondsPerToken, before);
});

Deno.test("a first token is learned from by the end of its request at the latest", () => {
  const { estimate, clock, a, begin } = estimator();
  const before = estimate.of(a, clock.now).secondsPerToken;
  const request = begin(a, profileOf({ promptBytes: 40_000 }));
  clock.now += 4_000;
  estimate.firstToken(a, request, clock.now);
  clock.now += 1_000;
  assert.equal(estimate.of(a, clock.now).secondsPerToken, before);
  estimate.end(a, request, {}, clock.now);
  assert.ok(estimate.of(a, clock.now).secondsPerToken > before);
});

Deno.test("prefill speed is learned from first tokens", () => {
  const { clock, estimate, a, b, serve } = estimator();
  for (let i = 0; i < 60; i++) {
    const tokens = 500 + 137 * i % 4_000;
    serve(a, profileOf({ promptBytes: 4 * tokens }), 50 + tokens * 0.4);
    serve(b, profileOf({ promptBytes: 4 * tokens }), 50 + tokens * 0.2);
  }
  isNear(estimate.of(a, clock.now).secondsPerToken, 4e-4, 0.15);
  isNear(estimate.of(b, clock.now).secondsPerToken, 2e-4, 0.15);
});

Deno.test("what was learned about a server decays even without new requests", () => {
  const { clock, estimate, a, serve } = estimator();
  const before = estimate.of(a, clock.now).secondsPerToken;
  for (let i = 0; i < 60; i++) {
    const tokens = 500 + 137 * i % 4_000;
    serve(a, profileOf({ promptBytes: 4 * tokens }), 50 + tokens * 2);
  }
  assert.ok(estimate.of(a, clock.now).secondsPerToken > 5 * before);
  clock.now += 15 * 60_000;
  isNear(estimate.of(a, clock.now).secondsPerToken, before);
});

Deno.test("the latency model learns nothing from the arrival of an unstreamed answer", () => {
  const { clock, estimate, a, serve } = estimator();
  const before = estimate.of(a, clock.now);
  for (let i = 0; i < 60; i++) serve(a, profileOf({ promptBytes: 4_000, stream: false }), 9_000);
  assert.equal(estimate.of(a, clock.now).secondsPerToken, before.secondsPerToken);
});

/** A minute of scrapes, between each two of which a server computed a prompt of 4,000 tokens. */
function tell(
  { a, clock, scrape, serve }: ReturnType<typeof estimator>,
  seconds: number,
  more: { readonly waiting?: number; readonly ours?: "seen" | "unseen" } = {},
) {
  for (let i = 1; i <= 120; i++) {
    const counters = { prompt: 5_000 * i, queries: 5_000 * i, hits: 1_000 * i };
    const told = { ...counters, firstTokens: i, firstTokenSeconds: seconds * i };
    scrape(a, told, { waiting: more.waiting ?? 0 });
    clock.now += 500;
    if (more.ours) {
      serve(a, profileOf({ promptBytes: 16_000, stream: more.ours === "seen" }), 500);
    }
  }
}

Deno.test("without visible first tokens, the latency model learns from a server's own metrics", () => {
  for (const more of [{}, { ours: "unseen" } as const]) {
    const fast = estimator();
    tell(fast, 0.2, more);
    const slow = estimator();
    tell(slow, 2, more);
    const latency = ({ estimate, a, clock }: ReturnType<typeof estimator>) =>
      estimate.of(a, clock.now).secondsPerToken;
    assert.ok(
      latency(slow) > 3 * latency(fast),
      JSON.stringify([more, latency(slow), latency(fast)]),
    );
  }
});

Deno.test("a server's own metrics are ignored if there are first tokens or a queue", () => {
  const seen = estimator();
  const { a, serve } = seen;
  for (let i = 0; i < 20; i++) serve(a, profileOf({ promptBytes: 1_000 * (i + 1) }), 50 + 25 * i);
  tell(seen, 60, { ours: "seen" });
  assert.ok(seen.estimate.of(seen.a, seen.clock.now).secondsPerToken < 4e-4);
  const queued = estimator();
  const before = queued.estimate.of(queued.a, queued.clock.now).secondsPerToken;
  tell(queued, 60, { waiting: 2 });
  assert.equal(queued.estimate.of(queued.a, queued.clock.now).secondsPerToken, before);
});

Deno.test("a restarted server loses its prefixes, others don't", () => {
  const { clock, estimate, a, b, look, serve, scrape } = estimator();
  const profile = promptOf(...range(1, 20));
  for (const server of [a, b]) {
    scrape(server, { prompt: 50_000, queries: 50_000, hits: 0 });
    serve(server, profile, 500);
  }
  scrape(a, { prompt: 100, queries: 100, hits: 0 });
  scrape(b, { prompt: 52_560, queries: 52_560, hits: 0 });
  assert.equal(look(a, profile).knownTokens, 0);
  assert.equal(estimate.of(a, clock.now).prefixBlocks, 0);
  assert.ok(look(b, profile).knownTokens > 0);
  serve(a, profile, 500);
  assert.ok(look(a, profile).knownTokens > 0, "it learns anew");
});

Deno.test("a server's blocks are limited to the size of its cache", () => {
  const { clock, estimate, a, b, serve, scrape } = estimator();
  // 10,000 tokens are 40,000 bytes.
  scrape(a, {}, { kvCacheTokens: 10_000 });
  for (const server of [a, b]) serve(server, promptOf(...range(1, 200)), 500);
  assert.equal(estimate.of(a, clock.now).prefixBlocks, Math.ceil(40_000 / 512));
  assert.equal(estimate.of(b, clock.now).prefixBlocks, 200);
});

Deno.test("if a server's prefix cache is off, known prefixes count for less and less", () => {
  const { a, b, estimate, clock, look, serve, scrape } = estimator();
  const profile = promptOf(...range(1, 80));
  const rounds = (server: Server, hitRate: number) => {
    let queries = 0;
    for (let i = 0; i < 100; i++) {
      scrape(server, { prompt: queries, queries, hits: hitRate * queries });
      serve(server, profile, 100);
      queries += 10_240;
    }
  };
  rounds(a, 0);
  rounds(b, 1);
  isNear(look(a, profile).ownTokens, look(a, profile).promptTokens, 0.05);
  assert.ok(look(b, profile).ownTokens < 0.1 * look(b, profile).promptTokens);
  assert.equal(estimate.of(a, clock.now).realHitRate, 0);
  assert.ok(estimate.of(a, clock.now).predictedHitRate! > 0.9);
});

Deno.test("other clients' requests count as pending in proportion to how long ours wait", () => {
  const { estimate, clock, a, b, look, begin, end } = estimator();
  const profile = profileOf({ promptBytes: 8_000 });
  const others: Load = { running: 4, waiting: 0, load: 0.5 };
  const pending = () => look(a, profile, others).pendingTokens;
  for (const share of [0.8, 0.1, 0]) {
    for (let i = 0; i < 400; i++) {
      const request = begin(b, profile);
      clock.now += 1_000 * share;
      estimate.firstToken(b, request, clock.now);
      clock.now += 1_000 * (1 - share);
      end(b, request);
    }
    assert.ok(Math.abs(pending() - 4 * share * 2_000) < 50, `${share}: ${pending()}`);
    assert.equal(estimate.of(a, clock.now).pendingTokens, 0, "what is shown is ours alone");
  }
});

Deno.test("a refused prompt doesn't affect averages and evicts no blocks", () => {
  const { estimate, clock, a, begin, serve, look, scrape, end } = estimator();
  scrape(a, {}, { kvCacheTokens: 20_000 });
  const known = promptOf(...range(1, 16));
  serve(a, known, 100);
  const unknown = profileOf({ promptBytes: undefined });
  const before = look(a, unknown).promptTokens;
  const far = promptOf(...range(1_000, 70_000));
  for (let i = 0; i < 5; i++) end(a, begin(a, far));
  assert.equal(look(a, unknown).promptTokens, before);
  assert.equal(look(a, known).knownTokens, look(a, known).promptTokens);
  assert.equal(estimate.of(a, clock.now).prefixBlocks, 16);
});

Deno.test("a request beyond a server's seats waits for one", () => {
  const { a, clock, look } = estimator();
  const at = (running: number, waiting: number) =>
    look(a, profileOf(), { running, waiting, load: 0 }).aheadOfSeat;
  assert.deepEqual([at(0, 0), at(7, 0), at(8, 0), at(10, 0)], [0, 0, 1, 3]);
  assert.equal(at(4, 3), 0, "a queue of prompts to compute takes no seat");
  const cacheUsed = (kvCacheUsage: number) => {
    a.scrape = { ...SCRAPE, running: 4, waiting: 3, kvCacheUsage, at: clock.now };
    return at(4, 3);
  };
  assert.equal(cacheUsed(0.5), 0);
  assert.equal(cacheUsed(0.99), 4, "a full cache has room for no more than run");
});

Deno.test("a server seen to run more requests than its capacity has seats for them", () => {
  const { a, look, scrape } = estimator();
  const at = (running: number) =>
    look(a, profileOf(), { running, waiting: 0, load: 0 }).aheadOfSeat;
  assert.equal(at(20), 13);
  scrape(a, {}, { running: 20 });
  scrape(a, {}, { running: 1 });
  assert.deepEqual([at(19), at(20)], [0, 1]);
});

Deno.test("a server with an overdue first token counts as slower before the token arrives", () => {
  const { a, b, clock, look, begin, serve } = estimator();
  const profile = promptOf(...range(1, 100));
  const usual = look(a, profile).secondsPerToken;
  for (let i = 0; i < 8; i++) {
    serve(a, promptOf(1_000 + i), 1000 * usual * look(a, profile).promptTokens / 100);
  }
  begin(a, promptOf(...range(2_000, 100)));
  const seconds = () => look(a, promptOf(500)).secondsPerToken;
  const before = seconds();
  clock.now += 60_000;
  assert.ok(seconds() > 5 * before);
  assert.ok(look(b, promptOf(500)).secondsPerToken < 2 * usual, "the others are as they were");
});

Deno.test("a removed server is forgotten with its prefixes", () => {
  const { estimate, clock, a, b, look, serve } = estimator();
  const profile = promptOf(...range(1, 20));
  for (const server of [a, b]) serve(server, profile, 500);
  estimate.keep([b]);
  assert.equal(estimate.of(a, clock.now).prefixBlocks, 0);
  assert.equal(look(a, profile).knownTokens, 0);
  assert.ok(look(b, profile).knownTokens > 0);
});

Deno.test("a server's report about one prompt is outweighed by observed ones", () => {
  const most = Number.MAX_SAFE_INTEGER;
  for (const [prompt, firstTokenSeconds] of [[most, 0], [most, most], [1, most]] as const) {
    const { a, b, clock, look, scrape, serve } = estimator();
    const profile = profileOf({ promptBytes: 4_000 });
    const none = { prompt: 0, queries: 0, hits: 0, firstTokens: 0, firstTokenSeconds: 0 };
    scrape(a, none);
    scrape(a, { ...none, prompt, firstTokens: 1, firstTokenSeconds });
    for (let i = 0; i < 20; i++) {
      clock.now += 10_000;
      for (const server of [a, b]) {
        serve(server, profile, 140);
        serve(server, profileOf({ promptBytes: 12_000 }), 340);
      }
    }
    const seconds = (server: Server) => firstTokenSecondsAt(look(server, profile));
    isNear(seconds(a), 0.14, 0.3);
    isNear(seconds(b), 0.14, 0.3);
  }
});

Deno.test("one answer that claims a hundred million tokens barely moves the average", () => {
  const { a, b, look, serve } = estimator();
  const full = { running: 8, waiting: 8, load: 1.5 };
  const profile = profileOf({ promptBytes: 4_000 });
  for (let i = 0; i < 50; i++) serve(b, profile, 500, { answerTokens: 200 });
  const before = look(b, profile, full).secondsPerSeat;
  serve(a, profile, 500, { answerTokens: 100_000_000 });
  isNear(look(b, profile, full).secondsPerSeat, before, 1);
});

Deno.test("a server that claimed to run a million requests has normal crowding minutes later", () => {
  const { a, b, clock, look, scrape } = estimator();
  scrape(a, {}, { running: 1_000_000 });
  clock.now += 3 * 60_000;
  scrape(a, {});
  const profile = profileOf({ promptBytes: 4_000 });
  assert.equal(look(a, profile).crowding, look(b, profile).crowding);
});

Deno.test("the first scrape shows how fast a server has been", () => {
  const { a, b, look, estimate, clock } = estimator();
  const profile = profileOf({ promptBytes: 12_000 });
  const counters = {
    prompt: 400_000,
    generation: undefined,
    prefixQueries: 400_000,
    prefixHits: 100_000,
    prefills: 100,
    prefillSeconds: 300,
  };
  estimate.scraped(a, { ...SCRAPE, counters }, clock.now);
  isNear(firstTokenSecondsAt(look(a, profile)), 3, 0.25);
  isNear(firstTokenSecondsAt(look(b, profile)), 3, 0.25);
  for (let i = 0; i < 9; i++) estimate.scraped(a, { ...SCRAPE, counters }, clock.now);
  isNear(firstTokenSecondsAt(look(a, profile)), 3, 0.25);
});

Deno.test("until a pace is known, an overdue prompt shows that all servers may be slow", () => {
  const { a, b, clock, look, begin } = estimator();
  const profile = profileOf({ promptBytes: 40_000 });
  const before = look(b, profile).secondsPerToken;
  begin(a, profile);
  clock.now += 10_000;
  assert.ok(look(b, profile).secondsPerToken > 5 * before);
  assert.ok(look(a, profile).pendingTokens > 2_000, "what took 10 s isn't taken to be done");

  const known = estimator();
  for (let i = 0; i < 6; i++) known.serve(known.b, profile, 1_000);
  const usual = known.look(known.b, profile).secondsPerToken;
  known.begin(known.a, profile);
  known.clock.now += 10_000;
  isNear(known.look(known.b, profile).secondsPerToken, usual, 0.2);
});

Deno.test("a hit ends with a block of the server's cache, whose size it reports", () => {
  const { estimate, clock, a, look, serve } = estimator();
  serve(a, promptOf(...range(1, 40)), 500);
  const next = promptOf(...range(1, 40), ...range(100, 10));
  const small = look(a, next).ownTokens;
  estimate.scraped(a, { ...SCRAPE, kvBlockTokens: 128 }, clock.now);
  isNear(look(a, next).ownTokens - small, 0.97 * (128 - 16) / 2);
});

Deno.test("an answer is in the cache as well, and the prompt that repeats it is known there", () => {
  const { a, b, look, serve } = estimator();
  const continued = (answer: Uint8Array) => [...range(1, 40), ...range(500, answer.length)];
  const first = { ...promptOf(...range(1, 40)), continued };
  serve(a, first, 500, { answer: () => new Uint8Array(8) });
  serve(b, first, 500, { answer: () => undefined });
  const next = promptOf(...range(1, 40), ...range(500, 8), ...range(600, 4));
  isNear(look(a, next).knownTokens, 128 * 48);
  isNear(look(b, next).knownTokens, 128 * 40);
});

Deno.test("a prompt whose client left stays in the cache as far as it was computed, another's doesn't", () => {
  const { a, b, begin, clock, end, look, serve } = estimator();
  // Servers that compute 10,000 tokens a second.
  for (const server of [a, b]) {
    for (let i = 0; i < 20; i++) serve(server, profileOf({ promptBytes: 40_000 }), 1_000);
  }
  const prompt = promptOf(...range(1, 160));
  const [left, failed] = [begin(a, prompt), begin(b, prompt)];
  clock.now += 1_000;
  end(a, left, { outcome: "client_closed" });
  end(b, failed, { outcome: "bad_status" });
  isNear(look(a, prompt).knownTokens, 10_000, 0.15);
  assert.equal(look(b, prompt).knownTokens, 0);
});

Deno.test("the text of an answer that no prompt goes on with isn't looked for", () => {
  const { a, serve } = estimator();
  serve(a, promptOf(...range(1, 40)), 500, { answer: () => assert.fail("looked for") });
});

Deno.test("what answers tell of cached tokens corrects what is expected there", () => {
  const { a, look, serve } = estimator();
  const prompt = promptOf(...range(1, 400));
  for (let i = 0; i < 20; i++) serve(a, prompt, 500, { promptTokens: 51_200, cachedTokens: 0 });
  assert.ok(look(a, prompt).ownTokens > 0.9 * 51_200);
});

Deno.test("a cache is taken for as large as prompts' learned tokens make it", () => {
  const { a, look, serve, scrape } = estimator();
  const cachedAfter = (promptTokens: number) => {
    // Half as many bytes fit in if a byte has twice as many tokens.
    for (let i = 0; i < 200; i++) {
      serve(a, profileOf({ promptBytes: 40_000 }), 500, { promptTokens });
    }
    scrape(a, {}, { kvCacheTokens: 12_800 });
    serve(a, promptOf(...range(1, 400)), 500);
    return look(a, promptOf(...range(1, 400))).knownTokens / look(a, promptOf(1)).promptTokens;
  };
  isNear(cachedAfter(10_000), 100);
  isNear(cachedAfter(20_000), 50, 0.1);
});
