import assert from "node:assert/strict";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { chat, events, post, start, test } from "../helpers.ts";

// deno-lint-ignore no-explicit-any
async function json(simulator: Simulator, path: string, body: unknown): Promise<any> {
  return await (await post(simulator, path, body)).json();
}

test("render tells the ids that the endpoint itself computes", async () => {
  await using simulator = await start();
  const body = chat("Hello there", { max_tokens: 5, stop: ["x"] });
  const rendered = await json(simulator, "/v1/chat/completions/render", body);
  const answer = await json(simulator, "/tokenize", body);
  assert.deepEqual(rendered.token_ids, answer.tokens);
  assert.match(rendered.request_id, /^chatcmpl-/);
  assert.deepEqual(rendered.sampling_params, { stop: ["x"], max_tokens: 5 });

  const message = { ...chat("Hello there"), system: "Be brief", max_tokens: 5 };
  const { token_ids } = await json(simulator, "/v1/messages/render", message);
  const { input_tokens } = await json(simulator, "/v1/messages/count_tokens", message);
  assert.equal(token_ids.length, input_tokens);
  const text = await (await post(simulator, "/v1/messages", { ...message, stream: true })).text();
  assert.equal(events(text)[0].message.usage.input_tokens, input_tokens);

  const prompts = { prompt: ["One", "Two"] };
  const [one, two] = await json(simulator, "/v1/completions/render", prompts);
  assert.match(one.request_id + two.request_id, /^cmpl-.*-0cmpl-.*-1$/);
  assert.equal(two.sampling_params.max_tokens, 16);
});

test("render refuses what the endpoint refuses, and is off without --enable-scale-out", async () => {
  await using simulator = await start({ maxModelLen: 64 });
  const long = chat("long ".repeat(200), { max_tokens: 5 });
  const { error } = await json(simulator, "/v1/messages/render", long);
  assert.equal(error.code, 400);
  await using plain = await start({ scaleOut: false });
  for (const path of ["/v1/messages/render", "/inference/v1/generate"]) {
    const { error } = await json(plain, path, chat("Hello"));
    assert.deepEqual([error.code, error.type], [403, "PermissionDeniedError"]);
  }
  await using old = await start({ version: "0.12.0" });
  const response = await post(old, "/v1/messages/render", chat("Hello"));
  assert.equal(response.status, 404);
  await response.body?.cancel();
});

test("messages and responses go on from the ids of a prompt, as chats do", async () => {
  const limits = { max_tokens: 40, max_output_tokens: 40, ignore_eos: true };
  const say = chat("Tell me more", limits);
  const ask = { input: "Tell me more", ...limits };
  // deno-lint-ignore no-explicit-any
  const textOf: Record<string, (answer: any) => string> = {
    "/v1/chat/completions": (answer) => answer.choices[0].message.content,
    "/v1/messages": (answer) => answer.content[0].text,
    "/v1/responses": (answer) => answer.output[0].content[0].text,
  };
  for (const version of ["0.32.0", "0.12.0"]) {
    await using simulator = await start({ version });
    const { tokens } = await json(simulator, "/tokenize", say);
    for (const [path, read] of Object.entries(textOf)) {
      const body = path === "/v1/responses" ? ask : say;
      const whole = read(await json(simulator, path, body));
      const begun = whole.slice(0, whole.indexOf(" ", 80));
      const sent = (await json(simulator, "/tokenize", { prompt: begun })).tokens;
      const rest = read(
        await json(simulator, path, {
          ...body,
          max_tokens: 40 - sent.length,
          max_output_tokens: 40 - sent.length,
          kv_transfer_params: { prompt_token_ids: [...tokens, ...sent] },
        }),
      );
      assert.equal(begun + rest === whole, version === "0.32.0", path);
    }
  }
});

test("ids of a prompt that aren't the vocabulary's are refused, and ignored beside an image", async () => {
  await using simulator = await start();
  const send = (ids: unknown, content: unknown = "Hello") =>
    json(simulator, "/v1/messages", {
      messages: [{ role: "user", content }],
      max_tokens: 5,
      kv_transfer_params: { prompt_token_ids: ids },
    });
  assert.match((await send([4096])).error.message, /Token id 4096 is out of vocabulary/);
  assert.match((await send("Hello")).error.message, /must be a non-empty list/);
  assert.equal((await send([1, 2, 3])).usage.input_tokens, 3);
  const image = { type: "image", source: { type: "base64", data: "AAAA" } };
  assert.ok((await send([1, 2, 3], [image])).usage.input_tokens > 64);
});

test("/tokenize tells the strings of tokens, if asked", async () => {
  await using simulator = await start();
  const body = { prompt: " the sea\n", return_token_strs: true };
  const { tokens, token_strs } = await json(simulator, "/tokenize", body);
  assert.deepEqual(token_strs, ["Ġthe", "Ġsea", "Ċ"]);
  assert.equal((await json(simulator, "/detokenize", { tokens })).prompt, " the sea\n");
  const plain = await json(simulator, "/tokenize", { prompt: " the" });
  assert.equal(plain.token_strs, null);
});

test("the end of an answer comes with its finish reason, and its id too", async () => {
  await using simulator = await start();
  const body = chat("Short", { stream: true, max_tokens: 100, return_token_ids: true });
  const read = events(await (await post(simulator, "/v1/chat/completions", body)).text());
  const { finish_reason, token_ids, delta } = read.at(-2).choices[0];
  assert.equal(finish_reason, "stop");
  assert.equal(token_ids.length, 1);
  assert.deepEqual(delta, { content: "" });
  assert.equal((await json(simulator, "/detokenize", { tokens: token_ids })).prompt, "<|im_end|>");
});
