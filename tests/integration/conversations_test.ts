import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

/** Asks for an answer to this conversation, as the SDK does, and returns its text. */
type Ask = (messages: Turn[]) => Promise<string>;
interface Turn {
  readonly role: "user" | "assistant";
  readonly content: string;
}

const exactly = { max_tokens: 400, ignore_eos: true };

function clientsOf(url: string, fetch: typeof globalThis.fetch): Readonly<Record<string, Ask>> {
  const options = { apiKey: "none", maxRetries: 0, fetch };
  const openai = new OpenAI({ baseURL: `${url}/v1`, ...options });
  const anthropic = new Anthropic({ baseURL: url, ...options });
  const chat = { model: MODEL, ...exactly };
  return {
    async "a streamed chat"(messages) {
      let text = "";
      for await (
        const { choices } of await openai.chat.completions.create({
          ...chat,
          messages,
          stream: true,
        })
      ) text += choices[0]?.delta.content ?? "";
      return text;
    },
    async "a chat"(messages) {
      const { choices } = await openai.chat.completions.create({ ...chat, messages });
      return choices[0]!.message.content!;
    },
    async "streamed messages"(messages) {
      let text = "";
      for await (
        const event of await anthropic.messages.create({ ...chat, messages, stream: true })
      ) {
        if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
          text += event.delta.text;
        }
      }
      return text;
    },
    async "a streamed response"(input) {
      const body = { model: MODEL, max_output_tokens: 400, ignore_eos: true, input };
      let text = "";
      for await (
        const event of await openai.responses.create({ ...body, stream: true })
      ) {
        if (event.type === "response.output_text.delta") text += event.delta;
      }
      return text;
    },
    async "a completion"(messages) {
      const prompt = messages.map(({ content }) => content).join("");
      const { choices } = await openai.completions.create({ ...chat, prompt });
      return choices[0]!.text;
    },
  };
}

/** What the router expected to be computed of a prompt, and its tokens, from a debug header. */
function ownTokens(headers: Headers): [own: number, all: number] {
  const [, own, all] = /(\d+) of (\d+) own/.exec(headers.get("x-router-decision")!)!;
  return [Number(own), Number(all)];
}

for (const what of Object.keys(clientsOf("http://127.0.0.1:1", fetch))) {
  Deno.test(`of ${what} that goes on, the server is expected to have the answer so far`, async () => {
    await using fleet = await startFleet({ servers: [{}], settings: { debug_headers: true } });
    let decided = new Headers();
    const ask = clientsOf(fleet.router.url, async (...request) => {
      const response = await fetch(...request);
      decided = response.headers;
      return response;
    })[what]!;
    // Shorter than a block: only the answer tells the conversation.
    const question: Turn = { role: "user", content: "Hello" };
    const text = await ask([question]);
    assert.ok(text.length > 1_000);
    await until("its place is free", () => inFlight(fleet.router) === 0);
    const answer: Turn = { role: "assistant", content: text };
    await ask([question, answer, { role: "user", content: "And?" }]);
    const [own, all] = ownTokens(decided);
    assert.ok(all > 300 && own < all / 3, `${own} of ${all}`);
  });
}
