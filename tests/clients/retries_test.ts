import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { streamText } from "ai";
import assert from "node:assert/strict";
import OpenAI from "openai";
import { ask as askExactly, inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

// What the SDKs do by themselves: wait and try again, and skip comments in a stream.

const messages = [{ role: "user" as const, content: "Hello" }];
const request = { model: MODEL, messages, max_tokens: 5, stream: true as const };

/** Asks for a stream with each SDK and two retries. Returns its text. */
const sdks: Readonly<
  Record<string, (url: string, fetch: typeof globalThis.fetch) => Promise<string>>
> = {
  async openai(url, fetch) {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 2, fetch });
    let text = "";
    for await (const { choices } of await client.chat.completions.create(request)) {
      text += choices[0]?.delta.content ?? "";
    }
    return text;
  },
  async anthropic(url, fetch) {
    const client = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 2, fetch });
    let text = "";
    for await (const event of await client.messages.create(request)) {
      if (event.type !== "content_block_delta" || event.delta.type !== "text_delta") continue;
      text += event.delta.text;
    }
    return text;
  },
  async ai(url, fetch) {
    const provider = createOpenAICompatible({ name: "vllm", baseURL: `${url}/v1`, fetch });
    return await streamText({
      model: provider(MODEL),
      messages,
      maxOutputTokens: 5,
      maxRetries: 2,
    }).text;
  },
};

for (const [name, ask] of Object.entries(sdks)) {
  // By themselves, the SDKs of OpenAI and Anthropic wait half a second, and `ai` 2 s.
  Deno.test(`the ${name} SDK waits for retry-after-ms and tries again`, async () => {
    await using fleet = await startFleet({ servers: [{}], settings: { max_in_flight: 1 } });
    const { router: { url } } = fleet;
    const answers: (readonly [status: number, waitMs: string | null])[] = [];
    const gaps: number[] = [];
    let endedAt = performance.now();
    const full = new AbortController();
    const filling = await askExactly(url, { tokens: 100_000, stream: true, signal: full.signal });
    const text = await ask(url, async (input, init) => {
      gaps.push(performance.now() - endedAt);
      const response = await fetch(input, init);
      answers.push([response.status, response.headers.get("retry-after-ms")]);
      if (!full.signal.aborted) {
        full.abort();
        await until("the router has a place", () => inFlight(fleet.router) === 0);
      }
      endedAt = performance.now();
      return response;
    });
    assert.ok(text);
    assert.deepEqual(answers, [[503, "1000"], [200, null]]);
    assert.ok(gaps[1]! >= 950, `it waited ${gaps[1]} ms`);
    await filling.body?.cancel().catch(() => {});
  });

  Deno.test(`the ${name} SDK skips the comments before a stream's first token`, async () => {
    await using fleet = await startFleet({
      servers: [{ speed: 1, prefillTokensPerSecond: 5 }],
      settings: { sse_keepalive: 0.1 },
    });
    let sent: Promise<string> | undefined;
    const text = await ask(fleet.router.url, async (input, init) => {
      const response = await fetch(input, init);
      sent = response.clone().text();
      return response;
    });
    assert.ok(text);
    assert.match(await sent!, /^: keep-alive\n\n/);
  });
}
