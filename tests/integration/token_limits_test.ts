import assert from "node:assert/strict";
import OpenAI from "openai";
import { type SimulatorOptions, startSimulator } from "../../src/simulator/simulator.ts";
import { ask, MODEL } from "../support/fleet.ts";
import { startRouter, type TestServer } from "../support/router.ts";
import { until } from "../support/until.ts";

const KEY = "lab-key-1";

/** A router whose key `lab` has the given limits, in front of one simulated server. */
async function startLimited(
  { key = {}, auth = {}, simulator = {}, server = {} }: {
    key?: Record<string, unknown>;
    auth?: Record<string, unknown>;
    simulator?: SimulatorOptions;
    server?: Partial<TestServer> & { readonly priority_scheduling?: boolean };
  },
) {
  const upstream = await startSimulator({ speed: 50, ...simulator });
  const router = await startRouter(
    [{ url: upstream.url, max_concurrent_requests: 64, ...server }],
    {},
    {},
    { auth: { api_keys: [{ name: "lab", key: KEY, ...key }], ...auth } },
  );
  return {
    router,
    upstream,
    ask: (body: Record<string, unknown>, path = "/v1/chat/completions", signal?: AbortSignal) =>
      fetch(router.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
        body: JSON.stringify({ model: MODEL, ignore_eos: true, ...body }),
        ...(signal && { signal }),
      }),
    async metric(line: RegExp) {
      const answer = await fetch(`${router.url}/metrics`, {
        headers: { authorization: `Bearer ${KEY}` },
      });
      const page = await answer.text();
      return Number(line.exec(page)?.[1] ?? NaN);
    },
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await upstream.close();
    },
  };
}

const COMPLETION = /^vllm_router_key_tokens_total{key="lab",.*kind="completion"} (\d+)$/m;
const CHAT = { messages: [{ role: "user", content: "Hello" }], max_tokens: 20 };
const left = (answer: Response) => Number(answer.headers.get("x-ratelimit-remaining-tokens"));
const message = async (answer: Response) => (await answer.json()).error.message as string;

Deno.test("tokens are reserved by the estimate, and settled by the answer's usage", async () => {
  await using limited = await startLimited({ key: { tokens_per_minute: 1_000 } });
  const first = await limited.ask({ ...CHAT, max_tokens: 900 });
  assert.equal(first.headers.get("x-ratelimit-limit-tokens"), "1000");
  assert.ok(left(first) < 100, `${left(first)} are left`);
  assert.match(first.headers.get("x-ratelimit-reset-tokens")!, /^(\d+m)?\d+(\.\d)?s$/);
  const { usage } = await first.json();
  assert.equal(usage.completion_tokens, 900);
  const second = await limited.ask({ ...CHAT, max_tokens: 900 });
  assert.equal(second.status, 429);
  const wait = Number(second.headers.get("retry-after"));
  assert.ok(wait > 30 && wait <= 61, `it waits ${wait} s`);
  assert.equal(left(second), 1_000 - usage.total_tokens);
  assert.match(
    await message(second),
    /^The request needs about \d+ tokens, but tokens_per_minute = 1000 of the key `lab` has \d+ left: it fits in \d+ s\.$/,
  );
});

Deno.test("what an answer did not use is given back", async () => {
  await using limited = await startLimited({ key: { tokens_per_minute: 1_000 } });
  for (let i = 0; i < 5; i++) {
    const answer = await limited.ask({ ...CHAT, max_tokens: 800, ignore_eos: false, stop: "e" });
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
});

Deno.test("requests that come at once never reserve more than the limit", async () => {
  await using limited = await startLimited({ key: { tokens_per_minute: 1_000 } });
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => limited.ask({ ...CHAT, max_tokens: 90 })),
  );
  const used = await Promise.all(
    answers.map(async (answer) =>
      answer.status === 200
        ? (await answer.json()).usage.total_tokens as number
        : (await answer.body?.cancel(), assert.equal(answer.status, 429), 0)
    ),
  );
  const count = used.filter((tokens) => tokens > 0).length;
  assert.ok(count >= 5 && count <= 11, `${count} were answered`);
  assert.equal(
    await limited.metric(
      /^vllm_router_key_rejections_total{key="lab",limit="tokens_per_minute"} (\d+)$/m,
    ),
    40 - count,
  );
  assert.equal(
    await limited.metric(/^vllm_router_turned_away_total{reason="token_limit"} (\d+)$/m),
    40 - count,
  );
});

Deno.test("a request above the whole limit is 400, and says so", async () => {
  await using limited = await startLimited({ key: { tokens_per_day: 100 } });
  const answer = await limited.ask({ ...CHAT, max_tokens: 200 });
  assert.equal(answer.status, 400);
  assert.equal(answer.headers.get("retry-after"), null);
  assert.match(
    await message(answer),
    /more than tokens_per_day = 100 of the key `lab` ever allows\.$/,
  );
});

Deno.test("limits by model hold for one key, and for all clients together", async () => {
  const limits = { [MODEL]: { tokens_per_minute: 60 } };
  await using ofKey = await startLimited({ key: { model_limits: limits } });
  await using ofAll = await startLimited({ auth: { model_limits: limits } });
  for (
    const [limited, whose] of [[ofKey, "the key `lab`"], [ofAll, "all clients together"]] as const
  ) {
    await (await limited.ask({ ...CHAT, max_tokens: 50 })).body?.cancel();
    const answer = await limited.ask({ ...CHAT, max_tokens: 50 });
    assert.equal(answer.status, 429);
    assert.match(await message(answer), new RegExp(`of ${whose} for \`${MODEL}\``));
    // Not naming the model is no way around its limit.
    const unnamed = await limited.ask({ ...CHAT, model: undefined });
    assert.equal(unnamed.status, 400);
    await unnamed.body?.cancel();
  }
});

Deno.test("a model's limit holds without keys, too", async () => {
  await using upstream = await startSimulator({ speed: 50 });
  await using router = await startRouter([{ url: upstream.url }], {}, {}, {
    auth: { model_limits: { [MODEL]: { tokens_per_minute: 60 } } },
  });
  const statuses = [];
  for (let i = 0; i < 2; i++) {
    const answer = await ask(router.url, { tokens: 50 });
    await answer.body?.cancel();
    statuses.push(answer.status);
  }
  assert.deepEqual(statuses, [200, 429]);
});

Deno.test("Anthropic's clients get the limits in Anthropic's headers", async () => {
  await using limited = await startLimited({
    key: { tokens_per_minute: 1_000, requests_per_minute: 5 },
  });
  const answer = await limited.ask(CHAT, "/v1/messages");
  await answer.body?.cancel();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("x-ratelimit-limit-tokens"), null);
  assert.equal(answer.headers.get("x-ratelimit-limit-requests"), null);
  assert.equal(answer.headers.get("anthropic-ratelimit-requests-limit"), "5");
  assert.equal(answer.headers.get("anthropic-ratelimit-requests-remaining"), "4");
  assert.equal(answer.headers.get("anthropic-ratelimit-tokens-limit"), "1000");
  assert.ok(Number(answer.headers.get("anthropic-ratelimit-tokens-remaining")) < 990);
  for (const unit of ["requests", "tokens"]) {
    const reset = answer.headers.get(`anthropic-ratelimit-${unit}-reset`)!;
    assert.match(reset, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const inMs = Date.parse(reset) - Date.now();
    assert.ok(inMs > 0 && inMs <= 61_000, reset);
  }
});

/** Reads a stream's bytes as text. */
async function textOf(answer: Response): Promise<string> {
  assert.equal(answer.status, 200);
  return await answer.text();
}

/** Replaces what differs between two answers to the same request. */
function alike(events: string): string {
  return events.replace(/"id":"[^"]*"|"created":\d+/g, "");
}

for (
  const [path, prompt] of [
    ["/v1/chat/completions", { messages: CHAT.messages }],
    ["/v1/completions", { prompt: "Hello" }],
  ] as const
) {
  Deno.test(`a stream of ${path} that didn't ask for its usage is settled by it, and has the same bytes`, async () => {
    const request = { ...prompt, max_tokens: 20, stream: true, temperature: 0 };
    await using plain = await startLimited({});
    await using limited = await startLimited({ key: { tokens_per_minute: 10_000 } });
    const expected = alike(await textOf(await plain.ask(request, path)));
    for (
      const options of [{}, { stream_options: { include_usage: false } }, { stream_options: null }]
    ) {
      const got = alike(await textOf(await limited.ask({ ...request, ...options }, path)));
      assert.equal(got, expected);
      assert.doesNotMatch(got, /"usage"/);
    }
    const asked = { ...request, stream_options: { include_usage: true } };
    const withUsage = alike(await textOf(await limited.ask(asked, path)));
    assert.equal(withUsage, alike(await textOf(await plain.ask(asked, path))));
    assert.match(withUsage, /"usage"/);
    assert.equal(
      await limited.metric(COMPLETION),
      80,
    );
  });
}

Deno.test("the openai SDK sees the usage of a stream only if it asked", async () => {
  await using limited = await startLimited({ key: { tokens_per_minute: 10_000 } });
  const client = new OpenAI({ baseURL: `${limited.router.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const usages = async (more: { stream_options?: { include_usage: boolean } }) => {
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 5,
      stream: true,
      ...more,
    });
    let count = 0;
    for await (const chunk of stream) if (chunk.usage) count++;
    return count;
  };
  assert.equal(await usages({}), 0);
  assert.equal(await usages({ stream_options: { include_usage: true } }), 1);
});

Deno.test("a client that leaves pays for the prompt and for what was streamed", async () => {
  await using limited = await startLimited({
    key: { tokens_per_minute: 2_000 },
    simulator: { speed: 2 },
  });
  const leaving = new AbortController();
  const answer = await limited.ask(
    { ...CHAT, max_tokens: 1_000, stream: true },
    undefined,
    leaving.signal,
  );
  const reader = answer.body!.getReader();
  let events = 0;
  while (events < 10) {
    events += new TextDecoder().decode((await reader.read()).value).split("data:").length - 1;
  }
  leaving.abort();
  await reader.cancel().catch(() => {});
  await until("it is settled", async () => await limited.metric(COMPLETION) > 0);
  const counted = await limited.metric(COMPLETION);
  assert.ok(counted >= 10 && counted < 500, `${counted} were counted`);
  const next = await limited.ask({ ...CHAT, max_tokens: 1 });
  await next.body?.cancel();
  assert.ok(left(next) > 1_400 && left(next) < 1_990, `${left(next)} are left`);
});

Deno.test("a stream that breaks off is not free", async () => {
  await using limited = await startLimited({
    key: { tokens_per_minute: 2_000 },
    simulator: { speed: 5 },
  });
  const answer = await limited.ask({ ...CHAT, max_tokens: 1_000, stream: true }, "/v1/messages");
  const reader = answer.body!.getReader();
  await reader.read();
  await limited.upstream.close();
  while (!(await reader.read().catch(() => ({ done: true }))).done);
  await until("it is settled", async () => await limited.metric(COMPLETION) > 0);
  const counted = await limited.metric(COMPLETION);
  assert.ok(counted < 1_000, `${counted} were counted`);
});

Deno.test("a request without an answer gets all its tokens back", async () => {
  await using limited = await startLimited({ key: { tokens_per_minute: 1_000 } });
  for (let i = 0; i < 3; i++) {
    const answer = await limited.ask({ ...CHAT, max_tokens: 900, messages: "no list" });
    assert.equal(answer.status, 400);
    await answer.body?.cancel();
  }
});

Deno.test("a key without limits of tokens sends the client's bytes and no token headers", async () => {
  await using limited = await startLimited({});
  const answer = await limited.ask({ ...CHAT, stream: true });
  assert.equal(answer.headers.get("x-ratelimit-limit-tokens"), null);
  assert.doesNotMatch(await answer.text(), /"usage"/);
});

Deno.test("a stream that goes on at another server is counted once, and its usage stays out", async () => {
  const servers = await Promise.all([1, 2].map(() => startSimulator({ speed: 100 })));
  const router = await startRouter(
    servers.map(({ url }) => ({ url, max_concurrent_requests: 8 })),
    { policy: "round_robin", failure_threshold: 100 },
    {},
    { auth: { api_keys: [{ name: "lab", key: KEY, tokens_per_minute: 10_000 }] } },
  );
  try {
    const stream = async (url: string, more = {}) => {
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
        body: JSON.stringify({
          model: MODEL,
          ignore_eos: true,
          temperature: 0,
          stream: true,
          ...CHAT,
          ...more,
        }),
      });
      return await textOf(answer);
    };
    const contents = (events: string) => [...events.matchAll(/"content":"([^"]*)"/g)].join();
    const uncut = await stream(servers[1]!.url);
    await servers[0]!.setFault({ kind: "reset_mid_stream", afterTokens: 7 });
    for (let i = 0; i < 2; i++) {
      const cut = await stream(router.url);
      assert.equal(contents(cut), contents(uncut));
      assert.doesNotMatch(cut, /"usage"/);
      assert.match(cut, /\[DONE\]\n\n$/);
    }
    const page = await (await fetch(`${router.url}/metrics`, {
      headers: { authorization: `Bearer ${KEY}` },
    })).text();
    assert.match(page, /^vllm_router_streams_continued_total [12]$/m);
    assert.equal(COMPLETION.exec(page)?.[1], "40");
  } finally {
    await router.shutdown(0);
    await Promise.all(servers.map((server) => server.close()));
  }
});

Deno.test("a request for a model without a limit is sent as the client wrote it", async () => {
  await using limited = await startLimited({
    key: { model_limits: { other: { tokens_per_minute: 5 } } },
  });
  const answer = await limited.ask({ ...CHAT, stream: true });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("x-ratelimit-limit-tokens"), null);
  assert.doesNotMatch(await answer.text(), /"usage"/);
  assert.ok(Number.isNaN(await limited.metric(COMPLETION)), "its usage was not asked for");
});
