import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { type LanguageModel, streamText } from "ai";
import assert from "node:assert/strict";
import { MODEL, startFleet, type TestFleet } from "../support/fleet.ts";

/** The providers of Vercel's AI SDK that speak to vLLM. */
const providers: Readonly<Record<string, (fleet: TestFleet) => LanguageModel>> = {
  "openai-compatible": ({ router }) =>
    createOpenAICompatible({ name: "vllm", baseURL: `${router.url}/v1` })(MODEL),
  anthropic: ({ router }) =>
    createAnthropic({ baseURL: `${router.url}/v1`, apiKey: "none" })(MODEL),
};

async function readText(model: LanguageModel) {
  const { textStream, usage, finishReason } = streamText({
    model,
    prompt: "Hello",
    maxOutputTokens: 20,
    temperature: 0,
    maxRetries: 0,
  });
  let text = "";
  for await (const part of textStream) text += part;
  return { text, tokens: (await usage).outputTokens, finish: await finishReason };
}

for (const [name, providerOf] of Object.entries(providers)) {
  Deno.test(`the ai SDK's ${name} provider reads a stream that another server goes on with`, async () => {
    await using fleet = await startFleet({
      servers: [{ speed: 100 }, { speed: 100 }],
      settings: { policy: "round_robin" },
    });
    const model = providerOf(fleet);
    const [cutting] = fleet.simulators;
    const uncut = await readText(model);
    assert.ok(uncut.text.length > 0);
    await cutting!.setFault({ kind: "reset_mid_stream", afterTokens: 3, times: 1 });
    while (cutting!.state().failed === 0) assert.deepEqual(await readText(model), uncut);
  });
}
