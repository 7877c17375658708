import assert from "node:assert/strict";
import fc from "fast-check";
import { createDetokenizer } from "../../../src/simulator/inference/detokenizer.ts";
import { planAnswer } from "../../../src/simulator/inference/answer.ts";
import { renderChat } from "../../../src/simulator/inference/prompt.ts";
import { END_OF_ANSWER } from "../../../src/simulator/inference/token_chain.ts";
import { detokenize, tokenize } from "../../../src/simulator/inference/tokenizer.ts";
import {
  bytesOfToken,
  tokenString,
  VOCABULARY_SIZE,
} from "../../../src/simulator/inference/vocabulary.ts";
import { assertLinear } from "../../support/linear.ts";
import { test } from "../helpers.ts";

const strings = (text: string) => Array.from(tokenize(text), tokenString).join("|");

test("decoding gives every text back", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(
      fc.constantFrom(" the", "Ab", "\r\n", "  ", "\t", "7", "服务器", "\u{1F642}", "'s", "<", "|"),
    ).map((parts) => parts.join("")),
    fc.array(fc.constantFrom("<|im_start|>", "<think>", "<th", "ink>", "x")).map((parts) =>
      parts.join("")
    ),
  );
  fc.assert(fc.property(texts, (text) => {
    const tokens = tokenize(text);
    assert.equal(detokenize(tokens), text);
    assert.ok(tokens.every((token) => token < VOCABULARY_SIZE));
    const detokenizer = createDetokenizer();
    const streamed = Array.from(tokens, (token) => detokenizer.push(token)).join("");
    assert.equal(streamed + detokenizer.flush(), text.replaceAll("<|im_end|>", ""));
  }));
});

test("a byte order mark is text", () => {
  assert.equal(detokenize(tokenize("\u{feff}a")), "\u{feff}a");
});

test("text is encoded as in a real vocabulary", () => {
  assert.equal(VOCABULARY_SIZE, 4096);
  assert.equal(strings("the server's port is 8000."), "the|Ġserver|'s|Ġport|Ġis|Ġ|8|0|0|0|.");
  assert.equal(strings("<|im_start|>user\n Hello"), "<|im_start|>|user|Ċ|ĠH|el|lo");
  assert.equal(strings("\n\n  two"), "ĊĊ|Ġ|Ġtwo");
  assert.equal(strings("服务器"), "æľįåĬ¡åĻ¨");
});

test("a token may hold half of a character, which is held back", () => {
  const [first, second] = tokenize(" \u{1F642}");
  assert.deepEqual([...bytesOfToken(first!)], [0x20, 0xf0, 0x9f]);
  const detokenizer = createDetokenizer();
  assert.deepEqual([detokenizer.push(first!), detokenizer.push(second!)], ["", " \u{1F642}"]);
  assert.equal(detokenizer.push(first!), "");
  assert.equal(detokenizer.flush(), " \u{fffd}");
  const bytes = [0xe6, 0x9c, 0x8d].map((byte) => detokenizer.push(byte));
  assert.deepEqual(bytes, ["", "", "服"]);
});

test("an answer's text is encoded to the answer's own tokens", () => {
  for (let seed = 0; seed < 300; seed++) {
    const habits = { thinks: seed % 2 === 0, callsTools: seed % 3 === 0 };
    const prompt = renderChat({ messages: [{ role: "user", content: `Question ${seed}` }] });
    const settings = { maxModelLen: 4096, seed };
    const plan = planAnswer(prompt, { max_tokens: 200 }, settings, 0, habits);
    const tokens = Array.from({ length: plan.length }, () => plan.nextToken());
    const ended = tokens.at(-1) === END_OF_ANSWER;
    assert.equal(ended, plan.lengthReason === "stop");
    const own = ended ? tokens.slice(0, -1) : tokens;
    assert.deepEqual([...tokenize(detokenize(own))], own);
  }
});

test("English has three to four and a half bytes a token", () => {
  const text = "Write a short poem about the sea. Then explain why the weather in northern " +
    "Europe is often difficult to predict, even with modern computers and many measurements.";
  const ratio = text.length / tokenize(text).length;
  assert.ok(ratio > 3 && ratio < 4.5, `${ratio} bytes a token`);
});

for (const unit of ["The quick brown fox 12. ", "a", " ", "\n ", "器", "<", "\u{1F642}"]) {
  test(`encoding takes linear time for ${JSON.stringify(unit)} again and again`, async () => {
    await assertLinear((size) => tokenize(unit.repeat(size)), 20_000);
  });
}
