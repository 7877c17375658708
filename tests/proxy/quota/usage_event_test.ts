import assert from "node:assert/strict";
import { countEvents, withoutUsage } from "../../../src/proxy/quota/usage_event.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const USAGE = `{"prompt_tokens":5,"total_tokens":17,"completion_tokens":12}`;
const usageEvent = `data: {"id":"1","choices":[],"usage":${USAGE}}\n\n`;
const token = (text: string) => `data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`;

function taken(events: string) {
  const { events: rest, usage } = withoutUsage(encode(events));
  return { rest: new TextDecoder().decode(rest), usage };
}

Deno.test("the event with the usage is taken out, whatever comes before or after in the chunk", () => {
  const usage = { promptTokens: 5, completionTokens: 12 };
  const [first, done] = [token("é"), "data: [DONE]\n\n"];
  assert.deepEqual(taken(usageEvent), { rest: "", usage });
  assert.deepEqual(taken(first + usageEvent + done), { rest: first + done, usage });
  const spaced = usageEvent.replace("[]", " []").replaceAll("\n", "\r\n");
  assert.deepEqual(taken(`: ping\n\n${spaced}${done}`), { rest: `: ping\n\n${done}`, usage });
});

Deno.test("no other event is taken out", () => {
  for (
    const events of [
      token("hello"),
      token(String.raw`\"choices\":[]`),
      `data: {"choices":[],"prompt_filter_results":[]}\n\n`,
      `data: {"choices":[{"delta":{"tool_calls":[]}}],"usage":${USAGE}}\n\n`,
      `data: "choices":[]\n\n`,
      `data: {"choices":[],"usage":null}\n\n`,
    ]
  ) assert.deepEqual(taken(events), { rest: events, usage: undefined });
});

Deno.test("events with data are counted, comments and names are not", () => {
  assert.equal(countEvents(encode(token("a") + token("b"))), 2);
  assert.equal(countEvents(encode(`: ping\n\nevent: x\ndata: {}\n\n`)), 1);
  assert.equal(countEvents(encode("event: x\r\ndata: {}\r\n\r\ndata: {}\r\n\r\n")), 2);
  assert.equal(countEvents(encode("")), 0);
});
