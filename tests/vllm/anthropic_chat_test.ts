import assert from "node:assert/strict";
import { chatOfMessages } from "../../src/vllm/anthropic_chat.ts";

Deno.test("a conversation with tools becomes the chat that vLLM makes of it", () => {
  const chat = chatOfMessages({
    model: "m",
    max_tokens: 5,
    system: [
      { type: "text", text: "x-anthropic-billing-header: 123" },
      { type: "text", text: "Be " },
      { type: "text", text: "brief." },
    ],
    tools: [{ name: "look", description: "Looks", input_schema: { type: "object" } }],
    messages: [
      { role: "user", content: "Hello" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm", signature: "s" },
          { type: "text", text: "Let me look" },
          { type: "tool_use", id: "t1", name: "look", input: { q: "a" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "found" }] },
          { type: "text", text: "And?" },
        ],
      },
    ],
  });
  assert.deepEqual(JSON.parse(JSON.stringify(chat)), {
    model: "m",
    tool_choice: "auto",
    tools: [{
      type: "function",
      function: { name: "look", description: "Looks", parameters: { type: "object" } },
    }],
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello" },
      {
        role: "assistant",
        reasoning: "hm",
        tool_calls: [{
          id: "t1",
          type: "function",
          function: { name: "look", arguments: '{"q":"a"}' },
        }],
        content: "Let me look",
      },
      { role: "tool", tool_call_id: "t1", content: "found" },
      { role: "user", content: "And?" },
    ],
  });
});

Deno.test("a conversation with anything but text and tools becomes none", () => {
  const image = { type: "image", source: { type: "url", url: "http://a" } };
  for (
    const messages of [
      [{ role: "user", content: [image] }],
      [{ role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: [image] }] }],
      [{ role: "system", content: "inline" }],
      [{ role: "user", content: 5 }],
      "no messages",
      undefined,
    ]
  ) {
    assert.equal(chatOfMessages({ messages }), undefined, JSON.stringify(messages));
  }
});
