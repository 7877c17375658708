import assert from "node:assert/strict";
import { badRequest, forbiddenModel, unknownModel } from "../../../src/http/api_errors.ts";
import { nameModels } from "../../../src/proxy/response/name_models.ts";

const message = (model: string, names: readonly string[]) =>
  nameModels(unknownModel(model), names).message;

Deno.test("the error for an unknown model lists those that exist", () => {
  assert.equal(
    message("gpt-4o", ["llama3.1:8b", "qwen3"]),
    "The model `gpt-4o` does not exist. Models: `llama3.1:8b`, `qwen3`.",
  );
  assert.match(nameModels(forbiddenModel("gpt-4o"), ["qwen3"]).message, /Models: `qwen3`\.$/);
});

Deno.test("a near miss is suggested: a typo, another case, another organisation", () => {
  const names = ["org/Qwen3-Coder", "llama3.1:8b"];
  for (const near of ["qwen3-coder", "Qwen/Qwen3-Coder", "org/Qwen3-Codr"]) {
    assert.match(message(near, names), /Did you mean `org\/Qwen3-Coder`\?/, near);
  }
  assert.match(message("llama3.1-8b", names), /Did you mean `llama3\.1:8b`\?/);
  assert.doesNotMatch(message("gpt-4o", names), /Did you mean/);
});

Deno.test("a long list is cut, and a long name is not compared", () => {
  const names = Array.from({ length: 25 }, (_, i) => `model-${i}`);
  assert.match(message("x", names), /`model-19` and 5 more, listed at \/v1\/models\.$/);
  assert.doesNotMatch(message("model-1".repeat(100), names), /Did you mean/);
});

Deno.test("other errors, and an empty list, change nothing", () => {
  const bad = badRequest("Bad.");
  assert.equal(nameModels(bad, ["m"]), bad);
  assert.equal(message("m", []), "The model `m` does not exist.");
});
