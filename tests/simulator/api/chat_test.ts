import assert from "node:assert/strict";
import { chat, events, post, postChat, start, test } from "../helpers.ts";

test("a chat stream sends the role, an event per token, the last with the finish reason, and [DONE]", async () => {
  await using simulator = await start();
  const response = await postChat(
    simulator,
    chat("Hello", { stream: true, max_tokens: 4 }),
    {
      headers: { "x-request-id": "one" },
    },
  );
  assert.equal(
    response.headers.get("content-type"),
    "text/event-stream; charset=utf-8",
  );
  const [role, ...rest] = events(await response.text());
  assert.equal(role.id, "chatcmpl-one");
  assert.equal(role.object, "chat.completion.chunk");
  assert.deepEqual(role.choices[0].delta, { role: "assistant", content: "" });
  assert.equal(rest.pop(), "[DONE]");
  assert.equal(rest.length, 4);
  for (const [index, { choices: [choice] }] of rest.entries()) {
    assert.equal(choice.delta.content.length, 4);
    assert.equal(choice.finish_reason, index === 3 ? "length" : null);
    assert.equal("stop_reason" in choice, index === 3);
  }
});

test("include_usage adds an event without choices before [DONE]", async () => {
  await using simulator = await start();
  const body = chat("Hello", {
    stream: true,
    max_tokens: 4,
    stream_options: { include_usage: true },
  });
  const [usage, done] = events(await (await postChat(simulator, body)).text())
    .slice(-2);
  assert.equal(done, "[DONE]");
  assert.deepEqual(usage.choices, []);
  assert.equal(usage.usage.completion_tokens, 4);
  assert.equal(usage.usage.total_tokens, usage.usage.prompt_tokens + 4);
});

test("a document has the same content as the stream of the same request", async () => {
  await using simulator = await start();
  for (
    const more of [{}, { n: 2 }, { max_tokens: 7, ignore_eos: true }, {
      min_tokens: 300,
    }]
  ) {
    const streamed = ["", ""];
    const response = await postChat(
      simulator,
      chat("Tell me", { ...more, stream: true }),
    );
    for (const event of events(await response.text())) {
      for (const { index, delta } of event.choices ?? []) {
        streamed[index] += delta.content ?? "";
      }
    }
    const document = await (await postChat(simulator, chat("Tell me", more)))
      .json();
    // deno-lint-ignore no-explicit-any
    for (const { index, message } of document.choices as any[]) {
      assert.equal(message.content, streamed[index]);
    }
    assert.ok(document.usage.completion_tokens > 0);
  }
});

test("answers depend only on the seed and the request", async () => {
  const answers: string[] = [];
  for (const seed of [1, 1, 2]) {
    await using simulator = await start({ seed });
    const { id, choices } = await (await postChat(simulator, chat("Same")))
      .json();
    answers.push(id + choices[0].message.content);
  }
  assert.equal(answers[0], answers[1]);
  assert.notEqual(answers[0], answers[2]);
});

test("usage reports cached tokens, including those of an earlier answer", async () => {
  await using simulator = await start();
  const first = chat("word ".repeat(100), { max_tokens: 64, ignore_eos: true });
  const one = await (await postChat(simulator, first)).json();
  assert.equal(one.usage.prompt_tokens_details.cached_tokens, 0);
  const second = {
    messages: [...first.messages, one.choices[0].message, {
      role: "user",
      content: "More",
    }],
    max_tokens: 1,
  };
  const two = await (await postChat(simulator, second)).json();
  const cached = two.usage.prompt_tokens_details.cached_tokens;
  assert.ok(
    cached > one.usage.prompt_tokens,
    `${cached} of ${one.usage.total_tokens}`,
  );
  const salted = await (await postChat(simulator, { ...second, cache_salt: "x" })).json();
  assert.equal(salted.usage.prompt_tokens_details.cached_tokens, 0);
});

test("bad requests get vLLM's errors", async () => {
  await using simulator = await start({ maxModelLen: 100, maxQueued: 1000 });
  const cases: [unknown, number, string][] = [
    [chat("x", { model: "other" }), 404, "NotFoundError"],
    [chat("long ".repeat(200)), 400, "BadRequestError"],
    [chat("x", { max_tokens: 1000 }), 400, "BadRequestError"],
    [{ messages: [] }, 400, "BadRequestError"],
    [{}, 400, "Bad Request"],
    [[], 400, "Bad Request"],
  ];
  for (const [body, status, type] of cases) {
    const response = await postChat(simulator, body);
    assert.equal(response.status, status);
    const { error } = await response.json();
    assert.equal(error.type, type);
    assert.equal(error.code, status);
  }
  const broken = await fetch(`${simulator.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{",
  });
  assert.equal(broken.status, 400);
  await broken.body?.cancel();
  const empty = await post(simulator, "/v1/completions", { prompt: "" });
  assert.equal(empty.status, 400);
  await empty.body?.cancel();
  assert.equal(simulator.state().finished, 0);
});
