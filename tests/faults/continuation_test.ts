import assert from "node:assert/strict";
import {
  type Fault,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/simulator.ts";
import { enginePages, startEngine } from "../support/engines.ts";
import { eventsOf, MODEL, startFleet, type TestFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";

// A stream outlives its server (issue 17): what the client reads is what it would have read.

// deno-lint-ignore no-explicit-any
type Json = any;

/** What a client has read of a stream. */
interface Read {
  readonly texts: Record<string, string>;
  readonly ids: number[];
  readonly promptIds: number[] | undefined;
  readonly finish: string | undefined;
  readonly usage: unknown;
  readonly roles: number;
  /** Distinct `id`, `created` and `model`. */
  readonly identities: number;
  readonly errors: string[];
  readonly isWhole: boolean;
}

async function readStream(response: Response): Promise<Read> {
  let body = "";
  try {
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) body += part;
  } catch {
    // It broke off, which the events tell.
  }
  const events = eventsOf(body) as Json[];
  const read = {
    texts: {} as Record<string, string>,
    ids: [] as number[],
    promptIds: undefined as number[] | undefined,
    finish: undefined as string | undefined,
    usage: undefined as unknown,
    roles: 0,
    errors: [] as string[],
  };
  const identities = new Set<string>();
  for (const event of events) {
    if (event === "[DONE]") continue;
    if (event.error) {
      read.errors.push(event.error.code);
      continue;
    }
    if (event.type) {
      readNamed(event, read, identities);
      continue;
    }
    identities.add(JSON.stringify([event.id, event.created, event.model]));
    if (event.usage) {
      const { prompt_tokens_details: _, ...counts } = event.usage;
      read.usage = counts;
    }
    const [choice] = event.choices;
    const promptIds = event.prompt_token_ids ?? choice?.prompt_token_ids;
    if (promptIds) read.promptIds = promptIds;
    if (!choice) continue;
    const { role, tool_calls: calls, ...texts } = choice.delta ?? { text: choice.text };
    if (role) read.roles++;
    for (const [field, text] of Object.entries(texts)) {
      read.texts[field] = (read.texts[field] ?? "") + text;
    }
    if (calls) read.texts.call = (read.texts.call ?? "") + calls[0].function.arguments;
    read.ids.push(...choice.token_ids ?? []);
    read.finish = choice.finish_reason ?? read.finish;
  }
  const last = events.at(-1);
  const isWhole = last === "[DONE]" || LAST.test(last?.type);
  return { ...read, identities: identities.size, isWhole };
}

const LAST = /^(?:message_stop|response\.completed|response\.incomplete)$/;
/** Events that tell the text, as whose parts the others are compared. */
const DELTA = /^(?:content_block_delta|response\.output_text\.delta)$/;

/** Reads an event of /v1/messages or /v1/responses: its text, and the order and parts of the rest. */
function readNamed(event: Json, read: { texts: Record<string, string> }, ids: Set<string>): void {
  const add = (to: string, text: string) => read.texts[to] = (read.texts[to] ?? "") + text;
  const { sequence_number: number, ...rest } = event;
  if (number !== undefined) assert.equal(number, read.texts.numbers?.length ?? 0);
  if (number !== undefined) add("numbers", "x");
  if (DELTA.test(event.type)) return void add("text", event.delta.text ?? event.delta);
  const answer = event.message ?? event.response;
  if (answer) ids.add(JSON.stringify([answer.id, answer.created_at, answer.model]));
  const itemIds = [event.item?.id, event.item_id].filter((id) => id);
  for (const id of itemIds) ids.add(`item ${id}`);
  const parts = JSON.stringify(
    rest,
    (key, value) =>
      /^(?:id|item_id|created_at)$|cached_tokens|cache_read/.test(key) ? undefined : value,
  );
  add("parts", `${parts}\n`);
}

interface Kind {
  readonly name: string;
  readonly path: string;
  readonly body: Json;
  readonly server?: SimulatorOptions;
}

const say = (content: string) => [{ role: "user", content }];
const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";
const MESSAGES = "/v1/messages";
const RESPONSES = "/v1/responses";
const tools = [{ type: "function", function: { name: "look", parameters: {} } }];
const length = { max_tokens: 24, ignore_eos: true };
const usage = { stream_options: { include_usage: true } };

const kinds: readonly Kind[] = [
  { name: "a chat", path: CHAT, body: { messages: say("Hello"), ...length } },
  { name: "a chat with usage", path: CHAT, body: { messages: say("Hi"), ...length, ...usage } },
  {
    name: "a chat with usage in every event",
    path: CHAT,
    body: {
      messages: say("Hi there"),
      ...length,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    },
  },
  {
    name: "a chat whose client asks for token ids",
    path: CHAT,
    body: { messages: say("Ids"), ...length, return_token_ids: true },
  },
  {
    name: "a chat that ends by itself",
    path: CHAT,
    body: { messages: say("Short"), min_tokens: 3, max_completion_tokens: 60, ...usage },
  },
  {
    name: "a chat with reasoning",
    path: CHAT,
    body: { messages: say("Think"), ...length, ...usage },
    server: { reasoning: true },
  },
  {
    name: "a chat with tools that it may call",
    path: CHAT,
    body: { messages: say("Tools please"), tools, ...length, max_tokens: 60 },
  },
  {
    name: "a chat with a stop string of one character",
    path: CHAT,
    body: { messages: say("Stop"), stop: ".", max_tokens: 40 },
  },
  {
    name: "a chat at servers that ignore a prompt's ids",
    path: CHAT,
    body: { messages: say("Old"), ...length, ...usage },
    server: { version: "0.12.0" },
  },
  {
    name: "a completion",
    path: COMPLETIONS,
    body: { prompt: "Once upon a time", ...length, ...usage },
  },
  {
    name: "a completion of token ids",
    path: COMPLETIONS,
    body: { prompt: [1886, 1633, 543], ...length, return_token_ids: true },
  },
  { name: "a completion of the default length", path: COMPLETIONS, body: { prompt: "Default" } },
  {
    name: "a message",
    path: MESSAGES,
    body: { system: "Be brief.", messages: say("Hello"), ...length },
  },
  {
    name: "a message that ends by itself, of a conversation",
    path: MESSAGES,
    body: {
      messages: [...say("Hi"), { role: "assistant", content: "Yes?" }, ...say("Go on")],
      min_tokens: 3,
      max_tokens: 60,
    },
  },
  {
    name: "a response",
    path: RESPONSES,
    body: { input: "Hello", max_output_tokens: 24, ...length },
  },
  {
    name: "a response that ends by itself, with instructions",
    path: RESPONSES,
    body: { input: say("Hi"), instructions: "Be brief.", min_tokens: 3, max_output_tokens: 60 },
  },
];

const post = (url: string, path: string, body: Json) =>
  fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, stream: true, temperature: 0, ...body }),
  });

const SETTINGS = {
  policy: "round_robin",
  failure_threshold: 100,
  health_check_interval: 60,
  request_timeout: 20,
  chunk_timeout: 1,
  stall_timeout: 0.5,
};

const startTwo = (server: SimulatorOptions = {}, settings = {}) =>
  startFleet({
    servers: [{ speed: 100, ...server }, { speed: 100, ...server }],
    settings: { ...SETTINGS, ...settings },
  });

/** Sends a request until the first server has cut its answer off, and returns what was read. */
async function readCut(
  { router, simulators: [cutting] }: TestFleet,
  { path, body }: Kind,
  fault: Fault,
): Promise<Read[]> {
  const reads: Read[] = [];
  await cutting!.setFault({ ...fault, times: 1 } as Fault);
  const received = cutting!.state().received;
  while (cutting!.state().received === received) {
    reads.push(await readStream(await post(router.url, path, body)));
  }
  await cutting!.setFault(null);
  return reads;
}

/** The number that the router's own metrics show. */
async function count({ router }: TestFleet, series: string): Promise<number> {
  const page = await (await fetch(`${router.url}/metrics`)).text();
  const line = page.split("\n").find((line) => line.startsWith(series));
  return Number(line?.split(" ").at(-1) ?? 0);
}

for (const kind of kinds) {
  Deno.test(`${kind.name}, cut off at every token: the text, ids, usage and ending of the uncut one`, async () => {
    await using fleet = await startTwo(kind.server);
    const uncut = await readStream(await post(fleet.simulators[1]!.url, kind.path, kind.body));
    assert.ok(uncut.isWhole);
    const { max_tokens, max_completion_tokens, max_output_tokens } = kind.body;
    const tokens = max_output_tokens ?? max_tokens ?? max_completion_tokens ?? 16;
    for (let afterTokens = 1; afterTokens < tokens; afterTokens++) {
      for (const cut of ["reset_mid_stream", "error_mid_stream"] as const) {
        const reads = await readCut(fleet, kind, { kind: cut, afterTokens });
        for (const read of reads) assert.deepEqual(read, uncut, `${cut} after ${afterTokens}`);
      }
    }
    assert.ok(await count(fleet, "vllm_router_streams_continued_total") > 0);
  });
}

Deno.test("a stream whose server falls silent, or is told to stop, goes on at another one", async () => {
  await using fleet = await startTwo();
  const kind = kinds[1]!;
  const uncut = await readStream(await post(fleet.simulators[1]!.url, kind.path, kind.body));
  const reads = await readCut(fleet, kind, { kind: "hang_mid_stream", afterTokens: 7 });
  for (const read of reads) assert.deepEqual(read, uncut);
  for (const how of ["abort", "error"] as const) {
    const long = { ...kind, body: { ...kind.body, max_tokens: 400 } };
    const whole = await readStream(await post(fleet.simulators[1]!.url, long.path, long.body));
    const reading = [1, 2].map(async () =>
      await readStream(await post(fleet.router.url, long.path, long.body))
    );
    while (fleet.simulators[0]!.state().running === 0) await new Promise((r) => setTimeout(r, 5));
    await new Promise((resolve) => setTimeout(resolve, 30));
    await fleet.simulators[0]!.setFault({ kind: "terminated", how });
    for (const read of await Promise.all(reading)) assert.deepEqual(read, whole, how);
    await fleet.simulators[0]!.setFault(null);
  }
});

Deno.test("a drained server finishes its streams for drain_timeout, gets no new ones, and then others go on with them", async () => {
  await using fleet = await startTwo({ speed: 10 }, { drain_timeout: 0.3, chunk_timeout: 30 });
  const { router, simulators } = fleet;
  const body = { messages: say("Long"), max_tokens: 600, ignore_eos: true, ...usage };
  const reading = [1, 2, 3, 4].map(async () =>
    await readStream(await post(router.url, CHAT, body))
  );
  const running = () => simulators[0]!.state().running;
  while (running() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const { name } = router.fleet.servers[0]!.config;
  assert.equal(router.fleet.setDrained("no such server", true), false);
  const drainedAt = performance.now();
  assert.equal(router.fleet.setDrained(name, true), true);
  assert.equal(router.fleet.snapshot().servers[0]!.state, "draining");
  const { received } = simulators[0]!.state();
  while (running() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(performance.now() - drainedAt >= 300, "its streams had their time");
  const short = await readStream(await post(router.url, CHAT, kinds[0]!.body));
  assert.equal(short.isWhole, true);
  assert.equal(simulators[0]!.state().received, received, "nothing new went there");
  const uncut = await readStream(await post(simulators[1]!.url, CHAT, body));
  for (const read of await Promise.all(reading)) assert.deepEqual(read, uncut);
  assert.equal(await count(fleet, "vllm_router_streams_continued_total"), 2);
  const { servers } = router.fleet.snapshot();
  assert.deepEqual(servers.map(({ consecutiveFailures }) => consecutiveFailures), [0, 0]);
  router.fleet.setDrained(name, false);
  assert.equal(router.fleet.snapshot().servers[0]!.state, "healthy");
});

Deno.test("streams that can't be continued stay at a drained server until they end", async () => {
  await using fleet = await startTwo({ speed: 10 }, { drain_timeout: 0.1, chunk_timeout: 30 });
  const body = { messages: say("Long"), ...length, max_tokens: 300, seed: 1 };
  const reading = [1, 2].map(async () =>
    await readStream(await post(fleet.router.url, CHAT, body))
  );
  while (fleet.simulators[0]!.state().running === 0) await new Promise((r) => setTimeout(r, 5));
  fleet.router.fleet.setDrained(fleet.router.fleet.servers[0]!.config.name, true);
  for (const { isWhole } of await Promise.all(reading)) assert.equal(isWhole, true);
  assert.equal(await count(fleet, "vllm_router_streams_continued_total"), 0);
});

Deno.test("a comment tells where another server went on, only with debug_headers", async () => {
  for (const debug_headers of [true, false]) {
    await using fleet = await startTwo({}, { debug_headers });
    const [cutting] = fleet.simulators;
    await cutting!.setFault({ kind: "reset_mid_stream", afterTokens: 5, times: 1 });
    let text = "";
    while (cutting!.state().failed === 0) {
      text = await (await post(fleet.router.url, CHAT, kinds[0]!.body)).text();
    }
    assert.equal(text.split(": continued\n\n").length, debug_headers ? 2 : 1);
    assert.ok(text.endsWith("data: [DONE]\n\n"));
  }
});

/** Options and endpoints whose streams can't be continued, with the reason. */
const refused: readonly (readonly [what: string, why: string, path: string, body: Json])[] = [
  ["a seed", "seed", CHAT, { seed: 7 }],
  ["several answers", "several_answers", CHAT, { n: 2 }],
  ["several prompts", "several_answers", COMPLETIONS, { prompt: ["a", "b"] }],
  ["a beam search", "several_answers", COMPLETIONS, { prompt: "a", use_beam_search: true }],
  ["best_of", "several_answers", COMPLETIONS, { prompt: "a", best_of: 2 }],
  ["a presence penalty", "penalties", CHAT, { presence_penalty: 0.5 }],
  ["a frequency penalty", "penalties", CHAT, { frequency_penalty: 0.5 }],
  ["a long stop string", "stop_strings", CHAT, { stop: ["no such text"] }],
  ["a JSON schema", "structured_output", CHAT, { response_format: { type: "json_object" } }],
  ["a choice of texts", "structured_output", CHAT, { structured_outputs: { choice: ["a"] } }],
  ["a required tool", "tool_choice", CHAT, { tools, tool_choice: "required" }],
  [
    "a named tool",
    "tool_choice",
    CHAT,
    { tools, tool_choice: { type: "function", function: { name: "look" } } },
  ],
  ["log probabilities of the prompt", "prompt_logprobs", COMPLETIONS, {
    prompt: "a",
    prompt_logprobs: 1,
  }],
  ["an echo", "echo", COMPLETIONS, { prompt: "a", echo: true }],
  ["a suffix", "special_input", COMPLETIONS, { prompt: "a", suffix: "b" }],
  ["an image", "media", CHAT, {
    messages: [{
      role: "user",
      content: [{ type: "image_url", image_url: { url: "data:image/png;base64,aaaa" } }],
    }],
  }],
  ["thinking", "special_input", MESSAGES, { thinking: { type: "enabled", budget_tokens: 5 } }],
  ["an image in a message", "inexact", MESSAGES, {
    messages: [{
      role: "user",
      content: [{ type: "image", source: { type: "url", url: "http://127.0.0.1/a.png" } }],
    }],
  }],
  ["a truncated input", "special_input", RESPONSES, { input: "Hello", truncation: "auto" }],
  ["a JSON response", "structured_output", RESPONSES, {
    input: "Hello",
    text: { format: { type: "json_object" } },
  }],
];

for (const [what, why, path, more] of refused) {
  Deno.test(`a stream with ${what} is not continued: it ends as broken, and the metrics say why`, async () => {
    await using fleet = await startTwo();
    const body = { messages: say("Hello"), ...length, ...more };
    const kind = { name: what, path, body };
    const [cutting] = fleet.simulators;
    await cutting!.setFault({ kind: "reset_mid_stream", afterTokens: 5, times: 1 });
    const received = cutting!.state().received;
    let text = "";
    while (cutting!.state().received === received) {
      const response = await post(fleet.router.url, kind.path, body);
      text = "";
      try {
        for await (const part of response.body!.pipeThrough(new TextDecoderStream())) text += part;
      } catch {
        text += " broken";
      }
    }
    // `/v1/responses` has an event that ends it.
    assert.match(text, path === "/v1/responses" ? /^event: response\.failed$/m : / broken$/);
    assert.match(text, /"code":"stream_broken"|"error"/);
    assert.equal(await count(fleet, `vllm_router_streams_broken_total{reason="${why}"}`), 1);
    assert.equal(await count(fleet, "vllm_router_streams_continued_total"), 0);
  });
}

Deno.test("a stream that has begun a tool call is not continued", async () => {
  await using fleet = await startTwo();
  const body = { messages: say("Use a tool"), tools, max_tokens: 20, ignore_eos: true };
  const kind = { name: "", path: CHAT, body };
  const uncut = await readStream(await post(fleet.simulators[1]!.url, CHAT, body));
  assert.ok(uncut.texts.call, "the answer calls a tool");
  const reads = await readCut(fleet, kind, { kind: "reset_mid_stream", afterTokens: 10 });
  assert.deepEqual(reads.at(-1)!.errors, ["stream_broken"]);
  assert.equal(await count(fleet, 'vllm_router_streams_broken_total{reason="tool_call"}'), 1);
});

Deno.test("servers that tell no token ids break their streams as before", async () => {
  await using fleet = await startTwo({ version: "0.9.0" });
  const reads = await readCut(fleet, kinds[0]!, { kind: "reset_mid_stream", afterTokens: 5 });
  assert.deepEqual(reads.at(-1)!.errors, ["stream_broken"]);
  assert.equal(await count(fleet, 'vllm_router_streams_broken_total{reason="no_ids"}'), 1);
});

Deno.test("a stream that breaks one server after the other is not carried to the next", async () => {
  await using fleet = await startFleet({
    servers: Array(4).fill({ speed: 100, fault: { kind: "reset_mid_stream", afterTokens: 1 } }),
    settings: SETTINGS,
  });
  const read = await readStream(await post(fleet.router.url, CHAT, kinds[0]!.body));
  assert.deepEqual(read.errors, ["stream_broken"]);
  const asked = fleet.simulators.map((simulator) => simulator.state().received);
  assert.equal(asked.reduce((sum, one) => sum + one), 2);
});

Deno.test("a client that has gone gets no other server", async () => {
  await using fleet = await startTwo({}, { chunk_timeout: 30 });
  const leaving = new AbortController();
  await Promise.all(
    fleet.simulators.map((simulator) =>
      simulator.setFault({ kind: "hang_mid_stream", afterTokens: 3 })
    ),
  );
  const response = await fetch(fleet.router.url + CHAT, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, stream: true, ...kinds[0]!.body }),
    signal: leaving.signal,
  });
  await response.body!.getReader().read();
  leaving.abort();
  const { router, simulators } = fleet;
  while (router.fleet.snapshot().servers.some(({ inFlight }) => inFlight > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(simulators.reduce((sum, simulator) => sum + simulator.state().received, 0), 1);
});

Deno.test("with continue_streams off, servers are sent what the client sent", async () => {
  await using fleet = await startTwo({}, { continue_streams: false });
  const reads = await readCut(fleet, kinds[0]!, { kind: "reset_mid_stream", afterTokens: 5 });
  assert.deepEqual(reads.at(-1)!.errors, ["stream_broken"]);
});

Deno.test("a stream is never continued by another engine, which would begin it anew", async () => {
  await using vllm = await startSimulator({ speed: 100 });
  const asked: string[] = [];
  const pages = { ...enginePages.sglang, "/v1/models": () => listOf("sglang") };
  await using other = startEngine(pages, async (request) => {
    asked.push(await request.text());
    return new Response("{}", { status: 500 });
  });
  await using router = await startRouter([{ url: vllm.url }, { url: other.url }], SETTINGS);
  let read: Read | undefined;
  await vllm.setFault({ kind: "reset_mid_stream", afterTokens: 5, times: 1 });
  while (vllm.state().received === 0) {
    const body = { messages: say("Go on"), ...length };
    read = await readStream(await post(router.url, CHAT, body));
  }
  // The same server went on with it.
  assert.deepEqual([read?.isWhole, read?.finish], [true, "length"]);
  assert.deepEqual(asked.filter((body) => body.includes("token_ids")), []);
});

const listOf = (owner: string) =>
  Response.json({ data: [{ id: MODEL, object: "model", owned_by: owner }] });
