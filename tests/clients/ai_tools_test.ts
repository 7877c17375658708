import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  embed,
  generateObject,
  generateText,
  isStepCount,
  type LanguageModel,
  Output,
  streamText,
  tool,
  type ToolChoice,
} from "ai";
import assert from "node:assert/strict";
import { z } from "zod";
import { MODEL, startFleet } from "../support/fleet.ts";

const compatible = (url: string) =>
  createOpenAICompatible({
    name: "vllm",
    baseURL: `${url}/v1`,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });

/** The providers of Vercel's AI SDK that speak to vLLM. */
const providers: Readonly<Record<string, (url: string, name?: string) => LanguageModel>> = {
  "openai-compatible": (url, name = MODEL) => compatible(url)(name),
  anthropic: (url, name = MODEL) => createAnthropic({ baseURL: `${url}/v1`, apiKey: "none" })(name),
};

const start = () => startFleet({ servers: [{}, {}], settings: { policy: "round_robin" } });

const tools = {
  get_weather: tool({ inputSchema: z.object({ city: z.string() }), execute: () => "sunny" }),
  clock: tool({ inputSchema: z.object({}), execute: () => "noon" }),
};
const limits = { maxOutputTokens: 1000, maxRetries: 0 };
const City = z.object({ city: z.string(), size: z.number() });

for (const [name, modelOf] of Object.entries(providers)) {
  const provider = `the ai SDK's ${name} provider`;

  Deno.test(`${provider} reads an answer, whole and streamed, as the same text`, async () => {
    await using fleet = await start();
    const model = modelOf(fleet.router.url);
    const request = { model, prompt: "Hello", maxOutputTokens: 12, maxRetries: 0 };
    const whole = await generateText(request);
    assert.ok(whole.text);
    assert.deepEqual([whole.usage.outputTokens, whole.finishReason], [12, "length"]);
    const streamed = streamText(request);
    assert.equal(await streamed.text, whole.text);
    assert.equal((await streamed.usage).outputTokens, 12);
    assert.equal(await streamed.finishReason, "length");
  });

  Deno.test(`${provider} calls tools by auto, required and name, and gives their results back`, async () => {
    await using fleet = await start();
    const model = modelOf(fleet.router.url);
    const cases: readonly (readonly [string, ToolChoice<typeof tools>, string])[] = [
      ["How is the weather?", "auto", "get_weather"],
      ["Hello", "required", "get_weather"],
      ["Hello", { type: "tool", toolName: "clock" }, "clock"],
    ];
    for (const [prompt, toolChoice, expected] of cases) {
      const request = { ...limits, model, prompt, tools, toolChoice };
      const { toolCalls, finishReason } = await generateText(request);
      // vLLM says "stop" for a named tool.
      const reason = expected === "clock" && name !== "anthropic" ? "stop" : "tool-calls";
      assert.deepEqual(toolCalls.map(({ toolName }) => toolName), [expected]);
      assert.equal(finishReason, reason);
      const streamed = await streamText(request).toolCalls;
      assert.deepEqual(streamed.map(({ input }) => input), toolCalls.map(({ input }) => input));
    }
    const stream = streamText({
      model,
      prompt: "How is the weather?",
      tools,
      stopWhen: isStepCount(3),
      ...limits,
    });
    const steps = await stream.steps;
    assert.equal(steps.length, 2);
    assert.deepEqual(steps[0]!.toolResults.map(({ output }) => output), ["sunny"]);
    assert.ok(steps[1]!.text);
  });

  Deno.test(`${provider} gets an object by its schema, whole and streamed`, async () => {
    await using fleet = await start();
    const model = modelOf(fleet.router.url);
    const request = { model, prompt: "A city", ...limits };
    const { object } = await generateObject({ ...request, schema: City });
    assert.equal(typeof object.size, "number");
    const streamed = streamText({ ...request, output: Output.object({ schema: City }) });
    assert.deepEqual(await streamed.output, object);
  });

  Deno.test(`${provider} gets an answer up to its stop text`, async () => {
    await using fleet = await start();
    const model = modelOf(fleet.router.url);
    const request = { model, prompt: "Hello", maxOutputTokens: 20, maxRetries: 0 };
    const uncut = (await generateText(request)).text;
    const stop = uncut.split(" ")[5]!;
    const { text, finishReason } = await generateText({ ...request, stopSequences: [stop] });
    assert.deepEqual([text, finishReason], [uncut.slice(0, uncut.indexOf(stop)), "stop"]);
  });

  Deno.test(`${provider} shows the sentence and the status of an error, whole and streamed`, async () => {
    await using fleet = await start();
    const request = {
      model: modelOf(fleet.router.url, "simulated"),
      prompt: "Hello",
      ...limits,
    };
    const errors: unknown[] = [];
    await generateText(request).catch((error) => errors.push(error));
    await streamText({ ...request, onError: ({ error }) => void errors.push(error) })
      .consumeStream();
    assert.equal(errors.length, 2);
    for (const error of errors) {
      assert.ok(APICallError.isInstance(error), String(error));
      assert.equal(error.statusCode, 404);
      assert.match(error.message, /^The model `simulated` does not exist\. Models: `simulated-/);
      assert.ok(error.responseHeaders!["x-request-id"]);
    }
  });

  Deno.test(`${provider} shows the sentence of a stream that breaks`, async () => {
    await using fleet = await startFleet({
      servers: [{ fault: { kind: "reset_mid_stream", afterTokens: 3 } }],
      settings: { continue_streams: false, failure_threshold: 100 },
    });
    const errors: unknown[] = [];
    await streamText({
      model: modelOf(fleet.router.url),
      prompt: "Hello",
      ...limits,
      onError: ({ error }) => void errors.push(error),
    }).consumeStream();
    assert.match(JSON.stringify(errors) + errors.map(String), /broke off in the middle/);
  });
}

Deno.test("the ai SDK's openai-compatible provider gets embeddings", async () => {
  await using fleet = await start();
  const model = compatible(fleet.router.url).embeddingModel(MODEL);
  const { embedding } = await embed({ model, value: "Hello", maxRetries: 0 });
  assert.ok(embedding.length > 1 && embedding.every(Number.isFinite));
});
