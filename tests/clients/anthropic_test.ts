import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { MODEL, startFleet, type TestFleet } from "../support/fleet.ts";

function clientOf(fleet: TestFleet): Anthropic {
  return new Anthropic({ baseURL: fleet.router.url, apiKey: "none", maxRetries: 0 });
}

const messages = [{ role: "user" as const, content: "Hello" }];
const length = { max_tokens: 20, ignore_eos: true };

/** Reads a streamed message to its end, as the SDK puts it together. */
async function readMessage(client: Anthropic) {
  const stream = client.messages.stream({ model: MODEL, messages, ...length });
  let streamed = "";
  stream.on("text", (text) => void (streamed += text));
  const { content: [block], stop_reason: reason, usage } = await stream.finalMessage();
  assert.equal(block?.type, "text");
  assert.equal(streamed, block.type === "text" && block.text);
  return { streamed, reason, input: usage.input_tokens, output: usage.output_tokens };
}

Deno.test("the anthropic SDK completes a message and counts its tokens", async () => {
  await using fleet = await startFleet({ servers: [{}, {}] });
  const client = clientOf(fleet);
  const message = await client.messages.create({ model: MODEL, messages, max_tokens: 6 });
  assert.equal(message.type, "message");
  const count = await client.messages.countTokens({ model: MODEL, messages });
  assert.ok(count.input_tokens > 0);
});

Deno.test("the anthropic SDK reads a stream that another server goes on with as one message", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 100 }, { speed: 100 }],
    settings: { policy: "round_robin" },
  });
  const client = clientOf(fleet);
  const [cutting] = fleet.simulators;
  const uncut = await readMessage(client);
  await cutting!.setFault({ kind: "reset_mid_stream", afterTokens: 7, times: 1 });
  while (cutting!.state().failed === 0) assert.deepEqual(await readMessage(client), uncut);
  assert.equal(uncut.output, 20);
});
