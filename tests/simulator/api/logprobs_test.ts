import assert from "node:assert/strict";
import { chat, events, post, postChat, start, test } from "../helpers.ts";

test("a chat's logprobs tell each token and its alternatives, streamed as whole", async () => {
  await using simulator = await start();
  const body = chat("Hello", { max_tokens: 8, logprobs: true, top_logprobs: 3 });
  const whole = await (await postChat(simulator, body)).json();
  const { content } = whole.choices[0].logprobs;
  assert.equal(content.length, 8);
  // deno-lint-ignore no-explicit-any
  assert.equal(content.map(({ token }: any) => token).join(""), whole.choices[0].message.content);
  for (const { token, logprob, bytes, top_logprobs } of content) {
    assert.ok(logprob < 0);
    assert.deepEqual(bytes, [...new TextEncoder().encode(token)]);
    assert.deepEqual(top_logprobs[0], { token, logprob, bytes });
    assert.equal(new Set(top_logprobs.map((one: { token: string }) => one.token)).size, 3);
    const total = top_logprobs.reduce(
      (sum: number, { logprob }: { logprob: number }) => sum + Math.exp(logprob),
      0,
    );
    assert.ok(total <= 1);
  }
  const response = await postChat(simulator, { ...body, stream: true });
  const streamed = events(await response.text()).slice(1, -1)
    .flatMap(({ choices: [choice] }) => choice.logprobs.content);
  assert.deepEqual(streamed, content);
});

test("a completion's logprobs have vLLM's shape, streamed as whole", async () => {
  await using simulator = await start();
  const body = { prompt: "Once", max_tokens: 6, logprobs: 2 };
  const whole = await (await post(simulator, "/v1/completions", body)).json();
  const { logprobs, text } = whole.choices[0];
  assert.equal(logprobs.tokens.join(""), text);
  assert.deepEqual(logprobs.text_offset, [0, 4, 8, 12, 16, 20]);
  assert.equal(Object.keys(logprobs.top_logprobs[0]).length, 3);
  assert.equal(logprobs.top_logprobs[0][logprobs.tokens[0]], logprobs.token_logprobs[0]);
  const response = await post(simulator, "/v1/completions", { ...body, stream: true });
  const parts = events(await response.text()).slice(0, -1)
    .map(({ choices: [choice] }) => choice.logprobs);
  for (const name of ["tokens", "token_logprobs", "text_offset", "top_logprobs"]) {
    assert.deepEqual(parts.flatMap((part) => part[name]), logprobs[name], name);
  }
});

test("too many logprobs, or alternatives without them, get vLLM's error", async () => {
  await using simulator = await start();
  const cases: [Record<string, unknown>, string][] = [
    [{ top_logprobs: 2 }, "when using `top_logprobs`, `logprobs` must be set to true."],
    [
      { logprobs: true, top_logprobs: 21 },
      "Requested sample logprobs of 21, which is greater than max allowed: 20",
    ],
  ];
  for (const [more, message] of cases) {
    const response = await postChat(simulator, chat("x", more));
    assert.equal(response.status, 400);
    assert.ok((await response.json()).error.message.startsWith(message));
  }
});

test("echo puts the prompt before a completion, with its logprobs, streamed as whole", async () => {
  await using simulator = await start();
  const body = { prompt: "Once upon a time", max_tokens: 4, logprobs: 1 };
  const complete = async (more: Record<string, unknown>) =>
    (await (await post(simulator, "/v1/completions", { ...body, ...more })).json()).choices[0];
  const [plain, echoed, alone] = [
    await complete({}),
    await complete({ echo: true }),
    await complete({ echo: true, max_tokens: 0 }),
  ];
  assert.equal(alone.text, body.prompt);
  assert.equal(echoed.text, body.prompt + plain.text);
  assert.equal(echoed.logprobs.tokens.join(""), echoed.text);
  const length = alone.logprobs.tokens.length;
  assert.equal(echoed.logprobs.tokens.length, length + 4);
  for (const name of ["tokens", "token_logprobs", "top_logprobs"]) {
    assert.deepEqual(echoed.logprobs[name].slice(0, length), alone.logprobs[name]);
    assert.deepEqual(echoed.logprobs[name].slice(length), plain.logprobs[name]);
  }
  assert.deepEqual(
    [alone.logprobs.token_logprobs[0], alone.logprobs.top_logprobs[0]],
    [null, null],
  );
  assert.ok(alone.logprobs.token_logprobs.slice(1).every((logprob: number) => logprob < 0));

  const response = await post(simulator, "/v1/completions", { ...body, echo: true, stream: true });
  const parts = events(await response.text()).slice(0, -1).map(({ choices: [choice] }) => choice);
  assert.equal(parts.map(({ text }) => text).join(""), echoed.text);
  for (const name of ["tokens", "token_logprobs", "text_offset", "top_logprobs"]) {
    assert.deepEqual(parts.flatMap(({ logprobs }) => logprobs[name]), echoed.logprobs[name], name);
  }
});
