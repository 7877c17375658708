import assert from "node:assert/strict";
import { textOfAnswer } from "../../src/vllm/answer_text.ts";

const textOf = (body: string) => {
  const text = textOfAnswer(new TextEncoder().encode(body));
  return text && new TextDecoder().decode(text);
};

/** As vLLM 0.32.0 sent them, shortened. */
const CHAT = '{"id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{"index":0,' +
  '"message":{"role":"assistant","content":"o[:_ typed}\\\\ 遠い \\"a\\"","refusal":null,' +
  '"tool_calls":[],"reasoning":null},"logprobs":null,"finish_reason":"length"}],"usage":{}}';

for (
  const [what, body, text] of [
    ["a chat's answer", CHAT, 'o[:_ typed}\\\\ 遠い \\"a\\"'],
    [
      "a completion",
      '{"id":"cmpl-1","choices":[{"index":0,"text":" and on","logprobs":null}]}',
      " and on",
    ],
    [
      "a message",
      '{"id":"1","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}]}',
      "Hi",
    ],
    [
      "a response",
      '{"id":"resp_1","output":[{"id":"msg_1","content":[{"annotations":[],"text":"Hi","type":' +
      '"output_text"}],"role":"assistant","type":"message"}],"parallel_tool_calls":true}',
      "Hi",
    ],
    ["an empty answer", '{"choices":[{"message":{"role":"assistant","content":""}}]}', ""],
  ] as const
) {
  Deno.test(`the text of ${what} is found as it stands there`, () => {
    assert.equal(textOf(body), text);
  });
}

for (
  const [what, body] of [
    ["an answer that calls a tool", CHAT.replace('"tool_calls":[]', '"tool_calls":[{"id":"1"}]')],
    ["an answer with reasoning", CHAT.replace('"reasoning":null', '"reasoning":"Hm"')],
    ["an embedding", '{"data":[{"embedding":[0.1]}]}'],
    ["a text that doesn't end", '{"choices":[{"message":{"content":"Hi'],
    ["an answer of a megabyte", CHAT.replace("typed", "typed".repeat(200_000))],
  ] as const
) {
  Deno.test(`${what} has no text that is sent back for certain`, () => {
    assert.equal(textOf(body), undefined);
  });
}

Deno.test("without a body there is no text", () => {
  assert.equal(textOfAnswer(undefined), undefined);
});
