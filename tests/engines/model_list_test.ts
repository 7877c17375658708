import assert from "node:assert/strict";
import { parseModels } from "../../src/engines/model_list.ts";
import { assertQuick } from "../support/quick.ts";

const pageOf = (data: unknown) => JSON.stringify({ object: "list", data });
const models = (length: number) =>
  Array.from({ length }, (_, i) => ({
    id: `m${i}`,
    object: "model",
    created: 1_700_000_000,
    owned_by: "vllm",
    root: "/models/m",
    parent: null,
    max_model_len: 32_768,
    permission: [{ id: "p", object: "model_permission", allow_view: true, group: null }],
  }));

Deno.test("a list of a thousand models is accepted, a longer one is not", () => {
  assert.equal(parseModels(pageOf(models(1_000))).length, 1_000);
  assert.throws(() => parseModels(pageOf(models(1_001))), {
    message: "/v1/models lists more than 1000 models",
  });
});

Deno.test("entries that aren't models or have too long a name are skipped", () => {
  const long = { id: "x".repeat(1_024) };
  const data = [long, { id: "x".repeat(1_025) }, null, "m", 3, {}, { id: 3 }, { id: {} }, [], [[]]];
  assert.deepEqual(parseModels(pageOf(data)), [long]);
});

for (
  const [what, page, why] of [
    ["no JSON", "<html>", "/v1/models answered something that isn't JSON"],
    ["JSON null", "null", "/v1/models answered without a list"],
    ["no list", pageOf({ id: "m" }), "/v1/models answered without a list"],
    ["nothing but numbers", pageOf(Array(1e6).fill(1)), "/v1/models has more than 50000 values"],
    ["empty objects", pageOf(Array(3e5).fill({})), "/v1/models has more than 50000 values"],
    [
      "an endless nest",
      `{"data":[{"id":"m","x":${"[".repeat(5e5)}${"]".repeat(5e5)}}]}`,
      "/v1/models has more than 50000 values",
    ],
    [
      "a model of many fields",
      pageOf([{ id: "m", ...Object.fromEntries(Array(1e5).fill(1).entries()) }]),
      "/v1/models has more than 50000 values",
    ],
  ] as const
) {
  Deno.test(`/v1/models of ${what} is rejected quickly, with the reason`, () => {
    assertQuick(page, () => assert.throws(() => parseModels(page), { message: why }));
  });
}
