import assert from "node:assert/strict";
import fc from "fast-check";
import { BLOCK_BYTES, type PromptProfile } from "../../../src/fleet/estimate/prompt_profile.ts";
import { classify } from "../../../src/proxy/request/classify.ts";
import { messageBefore } from "../../../src/proxy/request/last_messages.ts";
import { inTimeSlices } from "../../../src/util/time_slices.ts";
import { numRuns } from "../../support/property.ts";

const encoder = new TextEncoder();

async function profileOf(body: string): Promise<PromptProfile> {
  const asked = await inTimeSlices(classify(encoder.encode(body), "application/json"));
  assert.ok("profile" in asked, JSON.stringify(asked));
  return asked.profile;
}

const QUESTION = 'How far is it to the "sea"?\n'.repeat(30);
const ANSWER = 'It is "far", as the crow flies:\t\\o/ ünd 遠い 🙂.\n'.repeat(40);
/** As a server writes it, which is as `JSON.stringify` does. */
const WRITTEN = encoder.encode(JSON.stringify(ANSWER).slice(1, -1));

const stringify = (body: unknown) => JSON.stringify(body);
/** As Python writes it, without escapes of other characters. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${
    Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${spaced(one)}`).join(", ")
  }}`;
}

/** Asserts that all blocks up to the answer's last full one were told before the next request. */
async function assertTold(before: string, after: string): Promise<void> {
  const { blocks, continued } = await profileOf(before);
  const told = continued!(WRITTEN);
  const next = (await profileOf(after)).blocks;
  // Only the prompt's own last block has its closing bracket in it.
  assert.ok(told.length >= blocks.length - 1 + Math.floor(WRITTEN.length / BLOCK_BYTES));
  // What follows the answer is guessed, and may be in the last block.
  const same = told.findIndex((block, i) => block !== next[i]);
  assert.ok(same === -1 || same >= told.length - 1, `${same} of ${told.length}`);
}

const user = (content: unknown = QUESTION) => ({ role: "user", content });
const answer = (content: unknown = ANSWER) => ({ role: "assistant", content });
const part = (text: string, type = "text") => ({ type, text });
const more = [user("And back?")];

for (const [style, write] of [["compact", stringify], ["spaced", spaced]] as const) {
  for (
    const [what, before, own = answer()] of [
      ["one message", [user()]],
      ["a system prompt", [{ role: "system", content: QUESTION }, user()]],
      ["a conversation", [user(), answer("Hi"), user()]],
      ["content before role", [{ content: QUESTION, role: "user" }], {
        content: ANSWER,
        role: "assistant",
      }],
      ["answers with more members", [user(), { ...answer("Hi"), refusal: null }, user()], {
        ...answer(),
        refusal: null,
      }],
      ["content as a part", [user([part(QUESTION)])], answer([part(ANSWER)])],
      ["answers as parts, questions as text", [user(), answer([part("Hi")]), user()], {
        ...answer([part(ANSWER)]),
      }],
      ["a question with an image", [
        user(),
        answer("Hi"),
        user([part(QUESTION), {
          type: "image_url",
          image_url: { url: `data:image/png;base64,${"A".repeat(20_000)}` },
        }]),
      ]],
      ["a tool's result at the end", [
        user(),
        answer("Hi"),
        { role: "assistant", content: null, tool_calls: [{ id: "1", function: { name: "f" } }] },
        { role: "tool", tool_call_id: "1", content: QUESTION },
      ]],
    ] as const
  ) {
    Deno.test(`${style}, ${what}: the next request's blocks are told up to the answer's end`, async () => {
      const body = (messages: readonly unknown[]) => write({ model: "m", messages, stream: true });
      await assertTold(body(before), body([...before, own, ...more]));
    });
  }
}

Deno.test("tools, a system prompt and a salt stand before the messages, wherever the body has them", async () => {
  const body = (messages: readonly unknown[]) =>
    stringify({ messages, tools: [{ type: "function" }], system: QUESTION, cache_salt: "s" });
  await assertTold(body([user()]), body([user(), answer(), ...more]));
});

Deno.test("the items of a response are messages, a prompt's text goes on with its answer", async () => {
  const items = (input: readonly unknown[]) => stringify({ model: "m", input });
  await assertTold(items([user()]), items([user(), answer(), ...more]));
  const prompt = (prompt: string) => stringify({ model: "m", prompt });
  await assertTold(prompt(QUESTION), prompt(`${QUESTION}${ANSWER} And`));
});

Deno.test("what is told doesn't depend on the body's bytes, whose memory is given back", async () => {
  for (const body of [{ messages: [user()] }, { prompt: QUESTION }]) {
    const bytes = encoder.encode(stringify(body));
    const asked = await inTimeSlices(classify(bytes, "application/json"));
    assert.ok("profile" in asked);
    const told = asked.profile.continued!(WRITTEN);
    bytes.fill(0);
    assert.deepEqual(asked.profile.continued!(WRITTEN), told);
  }
});

for (
  const [what, body] of [
    ["no prompt", { model: "m" }],
    ["token ids", { prompt: [1, 2, 3] }],
    ["an empty list", { messages: [] }],
    ["messages that aren't objects", { messages: ["Hi"] }],
    ["a message without text", { messages: [{ role: "user", content: null }] }],
    ["documents", { query: "q", documents: [{ text: "a" }] }],
    ["a reference to what only the server knows", { input: "Hi", previous_response_id: "r" }],
  ] as const
) {
  Deno.test(`with ${what}, nothing can be told of the next request`, async () => {
    assert.equal((await profileOf(stringify(body))).continued, undefined);
  });
}

Deno.test("a message of ten thousand quotes is given up, a long one without any is not", async () => {
  const told = async (content: string) =>
    (await profileOf(stringify({ messages: [user(content)] }))).continued?.(WRITTEN).length;
  assert.equal(await told('"'.repeat(10_000)), undefined);
  assert.ok(await told("a".repeat(200_000)));
});

Deno.test("only the last megabyte of a body is looked at for each message", async () => {
  const long = "a".repeat(2 * 1024 * 1024);
  const isTold = async (body: string) => (await profileOf(body)).continued !== undefined;
  assert.equal(await isTold(stringify({ messages: [user(), user(long)] })), false);
  const spaces = " ".repeat(long.length);
  assert.equal(await isTold(`{"messages":[${stringify(user())}${spaces}]}`), false);
  const messages = [...Array(8).fill(user(long.slice(0, 500_000))), user()];
  await assertTold(stringify({ messages }), stringify({ messages: [...messages, answer()] }));
});

Deno.test("whatever stands in a list, its last object is found from behind", () =>
  fc.assert(
    fc.property(
      fc.array(fc.json({ maxDepth: 3 }), { maxLength: 3 }),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }),
      fc.constantFrom("", " ", "\n\t"),
      (others, last, space) => {
        const object = JSON.stringify(last);
        const list = encoder.encode(`[${[...others, object].join(`,${space}`)}${space}]`);
        const found = messageBefore(list, 0, list.length - 1)!;
        assert.equal(new TextDecoder().decode(list.subarray(found.start, found.end)), object);
      },
    ),
    { numRuns },
  ));

Deno.test("any answer to any text is told as the next request has it", () =>
  fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "binary", maxLength: 900 }),
      fc.string({ unit: "binary", minLength: 600, maxLength: 2_000 }),
      async (question, text) => {
        // Lone surrogates aren't UTF-8.
        const [asked, said] = [question.toWellFormed(), text.toWellFormed()];
        const body = (messages: unknown[]) => stringify({ model: "m", messages });
        const { continued } = await profileOf(body([user(asked)]));
        const told = continued!(encoder.encode(JSON.stringify(said).slice(1, -1)));
        const { blocks } = await profileOf(body([user(asked), answer(said), ...more]));
        assert.deepEqual(told.slice(0, -1), blocks.slice(0, told.length - 1));
      },
    ),
    { numRuns: Math.ceil(numRuns / 4) },
  ));
