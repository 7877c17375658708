import assert from "node:assert/strict";
import fc from "fast-check";
import type { PromptProfile } from "../../../src/fleet/estimate/prompt_profile.ts";
import { BLOCK_BYTES } from "../../../src/fleet/estimate/prompt_profile.ts";
import { classify } from "../../../src/proxy/request/classify.ts";
import { inTimeSlices } from "../../../src/util/time_slices.ts";
import { numRuns } from "../../support/property.ts";

const encoder = new TextEncoder();

/** Without what goes on with it, which is tested in next_turn_test.ts. */
async function profileOf(
  body: unknown,
  session?: string,
  asksEngine = true,
): Promise<PromptProfile> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const asked = await inTimeSlices(
    classify(encoder.encode(text), "application/json", { session, asksEngine }),
  );
  assert.ok("profile" in asked, JSON.stringify(asked));
  const { continued: _, ...profile } = asked.profile;
  return profile;
}

const user = (content: unknown) => ({ role: "user", content });
const LONG = "The way to the sea is long. ".repeat(100);
const CHAT = { model: "m", messages: [user(LONG)] };

/** Counts the leading blocks that two prompts share. */
function common(one: PromptProfile, other: PromptProfile): number {
  const differs = one.blocks.findIndex((block, i) => block !== other.blocks[i]);
  return differs === -1 ? one.blocks.length : differs;
}

Deno.test("a prompt is as long as it stands in the body, in full blocks", async () => {
  const { promptBytes, blocks } = await profileOf(CHAT);
  assert.equal(promptBytes, JSON.stringify(CHAT.messages).length);
  assert.equal(blocks.length, Math.floor(promptBytes / BLOCK_BYTES));
  assert.equal(new Set(blocks).size, blocks.length, "no two alike, though the text repeats");
});

Deno.test("where no prompt is to be computed there is none, whatever the body has", async () => {
  assert.deepEqual(await profileOf({ ...CHAT, user: "u", stream: true }, "s", false), {
    model: "m",
    promptBytes: 0,
    blocks: [],
    session: undefined,
    stream: false,
  });
});

Deno.test("a reference to an earlier response makes a prompt's length unknown", async () => {
  const body = { model: "m", input: LONG };
  const known = await profileOf(body);
  const { promptBytes, blocks } = await profileOf({ ...body, previous_response_id: "resp_1" });
  assert.deepEqual([promptBytes, blocks], [undefined, []]);
  assert.deepEqual(await profileOf({ ...body, previous_response_id: null }), known);
});

Deno.test("a body without a prompt has one that can't be told", async () => {
  assert.deepEqual(await profileOf({ model: "m" }), {
    model: "m",
    promptBytes: undefined,
    blocks: [],
    session: undefined,
    stream: false,
  });
});

const PROMPT = "messages prompt input system tools instructions documents query queries text_1 " +
  "text_2 texts token_ids";
for (const name of PROMPT.split(" ")) {
  Deno.test(`\`${name}\` is part of the prompt`, async () => {
    const { promptBytes, blocks } = await profileOf({ model: "m", [name]: LONG });
    assert.equal(promptBytes, JSON.stringify(LONG).length);
    assert.equal(blocks.length, 5);
  });
}

Deno.test("a conversation that goes on begins with the blocks it had", async () => {
  const before = await profileOf(CHAT);
  const messages = [...CHAT.messages, { role: "assistant", content: LONG }, user("And back?")];
  const after = await profileOf({ ...CHAT, messages });
  // The closing bracket has moved, which may change the last block only.
  assert.ok(common(before, after) >= before.blocks.length - 1);
  assert.ok(after.blocks.length > before.blocks.length);
});

Deno.test("prompts share exactly the blocks before the first byte in which they differ", () =>
  fc.assert(
    fc.asyncProperty(
      fc.string({ maxLength: 3_000 }),
      fc.string({ maxLength: 1_500 }),
      fc.string({ maxLength: 1_500 }),
      async (shared, one, other) => {
        const [a, b] = [`${shared}a${one}`, `${shared}b${other}`];
        const works = [await profileOf({ prompt: a }), await profileOf({ prompt: b })] as const;
        const [inA, inB] = [a, b].map((text) => encoder.encode(JSON.stringify(text)));
        const same = inA!.findIndex((byte, i) => byte !== inB![i]);
        assert.equal(common(...works), Math.floor(same / BLOCK_BYTES));
      },
    ),
    { numRuns: Math.ceil(numRuns / 4) },
  ));

for (
  const [what, other] of [
    ["another model", { ...CHAT, model: "n" }],
    ["no model", { messages: CHAT.messages }],
    ["a salt", { ...CHAT, cache_salt: "s" }],
    ["tools", { ...CHAT, tools: [{ type: "function", function: { name: "f" } }] }],
    ["a system prompt", { ...CHAT, system: "You are kind." }],
    ["another first message", { ...CHAT, messages: [user("Hi"), user(LONG)] }],
  ] as const
) {
  Deno.test(`a prompt with ${what} shares no block with the one without`, async () => {
    assert.equal(common(await profileOf(CHAT), await profileOf(other)), 0);
  });
}

Deno.test("salts tell apart, the same salt doesn't", async () => {
  const salted = (cache_salt: string) => profileOf({ ...CHAT, cache_salt });
  assert.equal(common(await salted("s"), await salted("t")), 0);
  assert.deepEqual((await salted("s")).blocks, (await salted("s")).blocks);
});

Deno.test("what doesn't make up the prompt changes no block", async () => {
  const { blocks } = await profileOf(CHAT);
  const more = { ...CHAT, stream: true, temperature: 0.5, max_tokens: 7, user: "u", n: 2 };
  assert.deepEqual((await profileOf(more)).blocks, blocks);
});

Deno.test("the order of a body's members and the space between them don't matter", () => {
  const body = {
    model: "m",
    cache_salt: "s",
    system: LONG,
    tools: [{ type: "function" }],
    messages: [user(LONG)],
    prompt_cache_key: "k",
    stream: true,
  };
  const members = Object.entries(body);
  const orders = fc.shuffledSubarray(members, { minLength: members.length });
  const space = fc.constantFrom("", " ", "\n  ", "\t");
  return fc.assert(
    fc.asyncProperty(orders, space, async (members, space) => {
      const written = members.map(([name, value]) =>
        `${space}"${name}"${space}:${space}${JSON.stringify(value)}${space}`
      );
      assert.deepEqual(await profileOf(`{${written.join(",")}}`), await profileOf(body));
    }),
    { numRuns: Math.ceil(numRuns / 10) },
  );
});

Deno.test("the order of members within messages, space there and escapes do: bytes are compared", async () => {
  const plain = await profileOf(CHAT);
  for (
    const written of [
      `{"model":"m","messages":[{"content":${JSON.stringify(LONG)},"role":"user"}]}`,
      `{"model":"m","messages":[ {"role":"user","content":${JSON.stringify(LONG)}}]}`,
      `{"model":"m","messages":[{"role":"us\\u0065r","content":${JSON.stringify(LONG)}}]}`,
    ]
  ) {
    assert.deepEqual(JSON.parse(written), CHAT);
    assert.equal(common(plain, await profileOf(written)), 0);
  }
});

Deno.test("an escaped quote does not end a prompt", async () => {
  const prompt = `"quoted" \\ and {"model":"n"} \\" `.repeat(60);
  const { model, promptBytes, blocks } = await profileOf({ model: "m", prompt, stream: false });
  assert.equal(model, "m");
  assert.equal(promptBytes, JSON.stringify(prompt).length);
  assert.equal(blocks.length, Math.floor(promptBytes / BLOCK_BYTES));
});

Deno.test("content parts differ by their content", async () => {
  const parts = (url: string) => [
    { type: "text", text: LONG },
    { type: "image_url", image_url: { url: `data:image/png;base64,${url.repeat(600)}` } },
  ];
  const one = await profileOf({ model: "m", messages: [user(parts("A"))] });
  const other = await profileOf({ model: "m", messages: [user(parts("B"))] });
  assert.equal(common(one, other), Math.floor((LONG.length + 100) / BLOCK_BYTES));
});

Deno.test("a session is identified by the header, else session_id, the cache key or the user", async () => {
  const named = async (body: Record<string, unknown>, header?: string) =>
    (await profileOf({ ...CHAT, ...body }, header)).session;
  assert.equal(await named({}), undefined);
  const key = await named({ prompt_cache_key: "k" });
  assert.notEqual(key, undefined);
  assert.equal(await named({ prompt_cache_key: "k", user: "u" }), key);
  assert.notEqual(await named({ prompt_cache_key: "other" }), key);
  const session = await named({ session_id: "s" });
  assert.notEqual(session, undefined);
  assert.equal(await named({ session_id: "s", prompt_cache_key: "k" }), session);
  const user = { messages: [{ role: "user", content: "Hi" }], user: "u" };
  assert.notEqual(await named(user), undefined);
  assert.equal(await named({ user: "u" }), undefined, "where the prompt tells enough");
  const header = await named({}, "conversation 1");
  assert.equal(await named({ prompt_cache_key: "k", user: "u" }, "conversation 1"), header);
  assert.notEqual(await named({}, "conversation 2"), header);
});

Deno.test("an upload has a session from its header, and a prompt of unknown length", async () => {
  const form = new FormData();
  form.set("model", "whisper");
  form.set("prompt", LONG);
  const request = new Request("http://router", { method: "POST", body: form });
  const type = request.headers.get("content-type");
  const asked = await inTimeSlices(classify(await request.bytes(), type, { session: "s" }));
  assert.ok("profile" in asked);
  assert.deepEqual([asked.profile.promptBytes, asked.profile.blocks], [undefined, []]);
  assert.notEqual(asked.profile.session, undefined);
});

const image = (letter: string, bytes: number) => ({
  type: "image_url",
  image_url: { url: `data:image/png;base64,${letter.repeat(bytes)}` },
});

Deno.test("an image counts as a few pages of text, however large its data is", async () => {
  const sizes: number[] = [];
  for (const bytes of [20_000, 2_000_000]) {
    const { promptBytes, blocks } = await profileOf({
      model: "m",
      messages: [user([{ type: "text", text: LONG }, image("A", bytes)]), user(LONG)],
    });
    assert.ok(promptBytes !== undefined && promptBytes < 2 * LONG.length + 5_000, `${promptBytes}`);
    assert.ok(Math.abs(blocks.length - promptBytes / BLOCK_BYTES) < 2);
    sizes.push(promptBytes);
  }
  assert.equal(sizes[0], sizes[1]);
});

for (
  const [name, part] of [
    ["audio", {
      type: "input_audio",
      input_audio: { data: "UklG".repeat(500_000), format: "wav" },
    }],
    ["an image", { type: "image", source: { type: "base64", data: "iVBO".repeat(500_000) } }],
  ] as const
) {
  Deno.test(`${name} in a member of its own counts as a few pages of text as well`, async () => {
    for (const space of [undefined, 2]) {
      const body = JSON.stringify({ model: "m", messages: [user([part])] }, null, space);
      const { promptBytes } = await profileOf(body);
      assert.ok(promptBytes !== undefined && promptBytes < 5_000, `${promptBytes}`);
    }
  });
}

Deno.test("a long text in a member `data` is text, and so is Base64 in a member of another name", async () => {
  for (const source of [{ data: "some words ".repeat(2_000) }, { text: "UklG".repeat(5_000) }]) {
    const { promptBytes } = await profileOf({ model: "m", messages: [user([source])] });
    assert.ok(promptBytes! > 20_000, `${promptBytes}`);
  }
});

Deno.test("the same image again is the same prompt, another one is not", async () => {
  const asking = (letter: string, bytes: number) =>
    profileOf({ model: "m", messages: [user([image(letter, bytes)]), user(LONG)] });
  const first = await asking("A", 20_000);
  assert.deepEqual((await asking("A", 20_000)).blocks, first.blocks);
  assert.equal(common(first, await asking("B", 20_000)), 0);
  assert.equal(common(first, await asking("A", 20_004)), 0);
});

Deno.test("a short text that looks like an image is text", async () => {
  const messages = [user([image("A", 100)])];
  assert.equal(
    (await profileOf({ model: "m", messages })).promptBytes,
    JSON.stringify(messages).length,
  );
});

Deno.test("of a prompt that no model can take, the first 8 MiB are hashed and all of it is counted", async () => {
  const prompt = (length: number) => profileOf(JSON.stringify({ prompt: "a".repeat(length) }));
  const most = 8 * 1024 * 1024 / 512;
  const long = await prompt(9 * 1024 * 1024);
  assert.equal(long.blocks.length, most);
  assert.equal(long.promptBytes, 9 * 1024 * 1024 + 2);
  assert.deepEqual((await prompt(8 * 1024 * 1024)).blocks, long.blocks);
});
