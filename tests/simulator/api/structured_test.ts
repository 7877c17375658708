import assert from "node:assert/strict";
import { z } from "zod";
import { instanceOf } from "../../../src/simulator/inference/json_instance.ts";
import { sampleOf } from "../../../src/simulator/inference/regex_sample.ts";
import { chat, events, postChat, start, test } from "../helpers.ts";

const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 6, maxLength: 8 },
    kind: { enum: ["a", "b"] },
    count: { type: "integer", exclusiveMinimum: 4, multipleOf: 3 },
    ratio: { type: ["number", "null"], maximum: 0.25 },
    tags: { type: "array", items: { type: "string" }, minItems: 2, uniqueItems: true },
    pair: { type: "array", prefixItems: [{ type: "string" }, { type: "boolean" }] },
    zip: { type: "string", pattern: "^[0-9]{5}(-\\d{4})?$" },
    day: { type: "string", format: "date" },
    nested: { $ref: "#/$defs/node" },
    either: { anyOf: [{ type: "null" }, { type: "integer" }] },
    all: { allOf: [{ properties: { x: { const: 1 } } }, { properties: { y: { type: "null" } } }] },
  },
  required: ["name", "nested"],
  additionalProperties: false,
  $defs: {
    node: {
      type: "object",
      properties: {
        value: { type: "integer" },
        next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
      },
      required: ["value", "next"],
    },
  },
};

test("response_format gets JSON by its schema, streamed as whole", async () => {
  await using simulator = await start();
  const json_schema = { name: "thing", schema: SCHEMA, strict: true };
  const body = chat("A thing", { response_format: { type: "json_schema", json_schema } });
  const { choices: [choice] } = await (await postChat(simulator, body)).json();
  assert.equal(choice.finish_reason, "stop");
  const thing = JSON.parse(choice.message.content);
  assert.deepEqual(thing, instanceOf(SCHEMA));
  const response = await postChat(simulator, { ...body, stream: true });
  const text = events(await response.text()).slice(0, -1)
    .map(({ choices: [{ delta }] }) => delta.content).join("");
  assert.equal(text, choice.message.content);
});

test("an instance has all that its schema asks for", () => {
  // deno-lint-ignore no-explicit-any
  const thing = instanceOf(SCHEMA) as any;
  assert.deepEqual(Object.keys(thing), Object.keys(SCHEMA.properties));
  assert.ok(thing.name.length >= 6 && thing.name.length <= 8);
  assert.equal(thing.count, 6);
  assert.equal(thing.ratio, 0.25);
  assert.equal(new Set(thing.tags).size, 2);
  assert.deepEqual(thing.pair.map((each: unknown) => typeof each), ["string", "boolean"]);
  assert.match(thing.zip, /^[0-9]{5}(-\d{4})?$/);
  assert.equal(typeof thing.either, "number");
  assert.deepEqual(thing.all, { x: 1, y: null });
});

test("an instance of a schema that never ends is bounded", () => {
  const list = { type: "array", minItems: 1e9, items: { $ref: "#" } };
  assert.ok(JSON.stringify(instanceOf(list)).length < 100_000);
  const tree = { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] };
  assert.ok(JSON.stringify(instanceOf(tree)).length < 10_000);
  const self = { $ref: "#" };
  assert.ok(instanceOf(self) !== undefined);
  const fork = { allOf: [{ $ref: "#" }, { $ref: "#" }, { properties: { x: { $ref: "#" } } }] };
  assert.ok(JSON.stringify(instanceOf(fork)).length < 10_000);
  const text = { type: "string", minLength: 1e12 };
  assert.equal((instanceOf(text) as string).length, 10_000);
});

test("zod accepts what its own schema gets", () => {
  const step = z.object({ explanation: z.string(), output: z.string().email() });
  const schema = z.object({
    steps: z.array(step).min(1),
    answer: z.union([z.number().int().positive(), z.literal("none")]),
    when: z.string().datetime().nullable(),
    ids: z.tuple([z.uuid(), z.boolean()]),
    more: z.object({ deep: z.object({ deeper: z.enum(["x", "y"]) }).optional() }),
  });
  schema.parse(instanceOf(z.toJSONSchema(schema)));
});

test("a sample of a regular expression matches it", () => {
  const patterns = [
    "abc",
    "^a+b*c?$",
    "^[A-Z]{2}\\d{3,5}$",
    "^(?:foo|bar)-(?<n>\\w+)$",
    "^[^a-z]+$",
    "^\\+?[1-9]\\d{1,14}$",
    "^https?://[^\\s/]+(/.*)?$",
    "^\\d{4}-\\d{2}-\\d{2}T\\s?$",
    "^[\\w.-]+@[\\w-]+\\.[a-z]{2,}$",
    "(a|b){3}",
    "^$",
  ];
  for (const pattern of patterns) assert.match(sampleOf(pattern), new RegExp(pattern), pattern);
  assert.ok(sampleOf("((a{1000}){1000}){1000}").length <= 1000);
});

test("json_object, choice and regex of structured_outputs, and an unknown type's error", async () => {
  await using simulator = await start();
  const ask = async (more: Record<string, unknown>) =>
    await (await postChat(simulator, chat("x", more))).json();
  const content = async (more: Record<string, unknown>) =>
    (await ask(more)).choices[0].message.content;
  const object = JSON.parse(await content({ response_format: { type: "json_object" } }));
  assert.equal(typeof object, "object");
  assert.equal(await content({ structured_outputs: { choice: ["yes", "no"] } }), "yes");
  assert.equal(await content({ structured_outputs: { regex: "\\d{3}" } }), "111");
  assert.equal(await content({ structured_outputs: { json: '{"const":[1]}' } }), "[1]");
  const bad = { type: "json_schema", json_schema: { name: "x", schema: { type: "nonsense" } } };
  const { error } = await ask({ response_format: bad });
  assert.equal(error.message, "Grammar error: Invalid type: nonsense");
  assert.equal(error.code, 400);
});
