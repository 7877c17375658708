import assert from "node:assert/strict";
import { events, post, start, test } from "../helpers.ts";

const PROMPT = { prompt: "Stop somewhere", max_tokens: 40, ignore_eos: true };

test("stop ends an answer before the string, which a stream holds back", async () => {
  await using simulator = await start();
  const complete = async (more: Record<string, unknown>) =>
    await (await post(simulator, "/v1/completions", { ...PROMPT, ...more })).json();
  const { choices: [{ text }] } = await complete({});
  // Across tokens of four characters.
  const stop = text.slice(22, 32);
  const before = text.slice(0, text.indexOf(stop));
  const { choices: [whole], usage } = await complete({ stop: ["no such", stop] });
  assert.equal(whole.text, before);
  assert.equal(whole.finish_reason, "stop");
  assert.equal(whole.stop_reason, stop);
  assert.ok(usage.completion_tokens < 40);
  const included = await complete({ stop, include_stop_str_in_output: true });
  assert.equal(included.choices[0].text, before + stop);
  const body = { ...PROMPT, stop, stream: true };
  const streamed = events(await (await post(simulator, "/v1/completions", body)).text());
  const texts = streamed.slice(0, -1).map(({ choices: [choice] }) => choice.text);
  assert.equal(texts.join(""), before);
  assert.equal(texts[0], "", "the first characters may begin a stop string");
  const last = streamed.at(-2).choices[0];
  assert.equal(last.finish_reason, "stop");
  assert.equal(last.stop_reason, stop);
});

test("a stop string within min_tokens doesn't count, and of two the one complete first", async () => {
  await using simulator = await start();
  const complete = async (more: Record<string, unknown>) =>
    (await (await post(simulator, "/v1/completions", { ...PROMPT, ...more })).json()).choices[0];
  const { text } = await complete({});
  const early = text.slice(1, 3);
  const { text: late } = await complete({ stop: early, min_tokens: 10 });
  assert.ok(late.length >= 36, late);
  const both = await complete({ stop: [text.slice(6, 20), text.slice(9, 12)] });
  assert.equal(both.stop_reason, text.slice(9, 12));
});

test("stop_token_ids end an answer without that token's text", async () => {
  await using simulator = await start();
  const complete = async (more: Record<string, unknown>) =>
    (await (await post(simulator, "/v1/completions", { ...PROMPT, ...more })).json()).choices[0];
  const { token_ids: ids, text } = await complete({ return_token_ids: true });
  const place = ids.indexOf(ids[5]);
  const stopped = await complete({ stop_token_ids: [ids[5]] });
  assert.equal(stopped.stop_reason, ids[5]);
  assert.equal(stopped.finish_reason, "stop");
  assert.ok(text.startsWith(stopped.text) && stopped.text.length <= 4 * place);
});
