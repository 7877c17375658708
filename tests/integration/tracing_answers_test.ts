import assert from "node:assert/strict";
import { MODEL } from "../support/fleet.ts";
import { CLIENT, SERVER, startOtlpReceiver } from "../support/otlp_receiver.ts";
import { startRouter } from "../support/router.ts";
import { metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";
import { capturedAs, wholeCaptured } from "../vllm/captured.ts";

/** A server that gives the same answer to each request. */
function startGiving(status: number, type: string, body: BodyInit) {
  return startUpstream((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/models") return modelsPage(MODEL);
    if (pathname === "/metrics") return metricsPage();
    if (request.method === "GET") return new Response();
    return new Response(body, { status, headers: { "content-type": type } });
  });
}

/** Returns the spans of a request to a server that answers like this. */
async function spansOf(
  path: string,
  { status = 200, type = "application/json", body, headers = {}, asked = {} }: {
    readonly status?: number;
    readonly type?: string;
    readonly body: BodyInit;
    readonly headers?: Readonly<Record<string, string>>;
    readonly asked?: object;
  },
) {
  await using collector = startOtlpReceiver();
  await using server = startGiving(status, type, body);
  await using router = await startRouter([{ url: server.url }], {}, {}, {
    tracing: { endpoint: collector.url },
  }, { OTEL_BSP_SCHEDULE_DELAY: "1" });
  const response = await fetch(router.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: MODEL, messages: [], prompt: "a", input: "a", ...asked }),
  });
  const answer = await response.text();
  const spans = await collector.spansOf(2);
  return {
    answer,
    request: spans.find(({ kind }) => kind === SERVER)!,
    attempt: spans.find(({ kind }) => kind === CLIENT)!,
  };
}

/** Attributes of an answer, without those of the request. */
function answerIn(attributes: Readonly<Record<string, unknown>>) {
  const { "gen_ai.response.time_to_first_chunk": _, ...rest } = attributes;
  return Object.fromEntries(
    Object.entries(rest).filter(([name]) => /^gen_ai\.(?:response|usage)\./.test(name)),
  );
}

const WHOLE = [
  ["chat", "/v1/chat/completions", {
    "gen_ai.response.id": "chatcmpl-bdb8296bb1b27fe3",
    "gen_ai.response.finish_reasons": ["length"],
    "gen_ai.usage.input_tokens": 513n,
    "gen_ai.usage.output_tokens": 5n,
    "gen_ai.usage.cache_read.input_tokens": 512n,
  }],
  ["completions", "/v1/completions", {
    "gen_ai.response.id": "cmpl-99140a5f5a1c1d97",
    "gen_ai.response.finish_reasons": ["length"],
    "gen_ai.usage.input_tokens": 1n,
    "gen_ai.usage.output_tokens": 5n,
  }],
  ["messages", "/v1/messages", {
    "gen_ai.response.id": "chatcmpl-840e3871275dbd94",
    "gen_ai.response.finish_reasons": ["max_tokens"],
    "gen_ai.usage.input_tokens": 9n,
    "gen_ai.usage.output_tokens": 5n,
  }],
  ["responses", "/v1/responses", {
    "gen_ai.response.id": "resp_931aab9d5066428f",
    "gen_ai.response.finish_reasons": ["incomplete"],
    "gen_ai.usage.input_tokens": 9n,
    "gen_ai.usage.output_tokens": 5n,
  }],
] as const;

for (const [name, path, expected] of WHOLE) {
  Deno.test(`a real server's whole answer at ${path} has its attributes`, async () => {
    const { request } = await spansOf(path, { body: wholeCaptured(name) });
    assert.deepEqual(answerIn(request.attributes), { "gen_ai.response.model": MODEL, ...expected });
  });
}

const STREAMED = [
  ["chat-include-usage", "/v1/chat/completions", {
    "gen_ai.response.id": "chatcmpl-931eafdf8b872ad2",
    "gen_ai.response.finish_reasons": ["length"],
    "gen_ai.usage.input_tokens": 513n,
    "gen_ai.usage.output_tokens": 12n,
  }],
  ["chat-n2", "/v1/chat/completions", {
    "gen_ai.response.id": "chatcmpl-957fa43894d7bf3b",
    "gen_ai.response.finish_reasons": ["length", "length"],
  }],
  ["completions-include-usage", "/v1/completions", {
    "gen_ai.response.id": "cmpl-bb47a0e1aaef0e74",
    "gen_ai.response.finish_reasons": ["length"],
    "gen_ai.usage.input_tokens": 5n,
    "gen_ai.usage.output_tokens": 12n,
  }],
  ["messages", "/v1/messages", {
    "gen_ai.response.id": "chatcmpl-90fec812c62a6f8b",
    "gen_ai.response.finish_reasons": ["max_tokens"],
    "gen_ai.usage.input_tokens": 14n,
    "gen_ai.usage.output_tokens": 12n,
  }],
  ["responses", "/v1/responses", {
    "gen_ai.response.id": "resp_81e86493bf4c8eb4",
    "gen_ai.response.finish_reasons": ["incomplete"],
    "gen_ai.usage.input_tokens": 14n,
    "gen_ai.usage.output_tokens": 12n,
  }],
] as const;

for (const [name, path, expected] of STREAMED) {
  Deno.test(`a real server's stream ${name} has its attributes`, async () => {
    const body = capturedAs(name).bytes;
    const asked = { stream: true };
    const { request } = await spansOf(path, { type: "text/event-stream", body, asked });
    const { attributes } = request;
    assert.deepEqual(answerIn(attributes), { "gen_ai.response.model": MODEL, ...expected });
    assert.ok(Number(attributes["gen_ai.response.time_to_first_chunk"]) > 0);
  });
}

Deno.test("embeddings have an id and tokens, and no finish reason", async () => {
  const body = `{"id":"embd-1","object":"list","created":1,"model":"${MODEL}","data":[{"index":0,` +
    `"object":"embedding","embedding":[0.1]}],"usage":{"prompt_tokens":3,"total_tokens":3,` +
    `"completion_tokens":0,"prompt_tokens_details":null}}`;
  const { request } = await spansOf("/v1/embeddings", { body });
  assert.equal(request.name, `embeddings ${MODEL}`);
  assert.deepEqual(answerIn(request.attributes), {
    "gen_ai.response.id": "embd-1",
    "gen_ai.response.model": MODEL,
    "gen_ai.usage.input_tokens": 3n,
    "gen_ai.usage.output_tokens": 0n,
  });
});

Deno.test("a client's own error has its status as type, and is none of the request's span", async () => {
  const body = `{"error":{"message":"bad","type":"BadRequestError","param":null,"code":400}}`;
  const { request, attempt } = await spansOf("/v1/chat/completions", { status: 400, body });
  assert.equal(request.attributes["error.type"], "400");
  assert.equal(attempt.attributes["error.type"], "400");
  assert.deepEqual(request.status, {});
  assert.equal(attempt.status.code, 2);
  assert.deepEqual(answerIn(request.attributes), {}, "no model answered");
});

Deno.test("the session that a client names is the conversation", async () => {
  const { request } = await spansOf("/v1/chat/completions", {
    body: wholeCaptured("chat"),
    headers: { "x-session-id": "session-1" },
  });
  assert.equal(request.attributes["gen_ai.conversation.id"], "session-1");
});

Deno.test("tokens of reasoning are counted", async () => {
  const usage = {
    prompt_tokens: 3,
    completion_tokens: 9,
    completion_tokens_details: { reasoning_tokens: 7 },
  };
  const body = JSON.stringify({ id: "1", choices: [{ finish_reason: "stop" }], usage });
  const { request } = await spansOf("/v1/chat/completions", { body });
  assert.equal(request.attributes["gen_ai.usage.reasoning.output_tokens"], 7n);
  assert.deepEqual(request.attributes["gen_ai.response.finish_reasons"], ["stop"]);
});
