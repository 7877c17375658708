import assert from "node:assert/strict";
import type { ModelNames } from "../../src/config/config.ts";
import { modelFor } from "../../src/fleet/model_names.ts";

const NAMES: ModelNames = {
  aliases: [
    { alias: "claude-*", targets: [{ model: "qwen3", weight: 1 }] },
    { alias: "claude-*-mini", targets: [{ model: "tiny", weight: 1 }] },
    { alias: "gpt-4o", targets: [{ model: "llama", weight: 1 }] },
    { alias: "llama", targets: [{ model: "llama", weight: 9 }, { model: "llama2", weight: 1 }] },
  ],
};
const SERVERS = [{
  models: new Map(["qwen3", "tiny", "llama", "claude-own"].map((id) => [id, { id }])),
}];
const resolve = (
  asked: string | undefined,
  names = NAMES,
  chance = 0,
  mayUse: (model: string) => boolean = () => true,
) => modelFor(names, asked, SERVERS, mayUse, () => chance);

Deno.test("an alias stands for its model, and of two with a * the longer one counts", () => {
  assert.equal(resolve("gpt-4o"), "llama");
  assert.equal(resolve("claude-sonnet-4-5"), "qwen3");
  assert.equal(resolve("claude-haiku-mini"), "tiny");
  assert.equal(resolve("claude"), "claude");
});

Deno.test("a model that a server has is not taken for an alias with a *", () => {
  assert.equal(resolve("claude-own"), "claude-own");
});

Deno.test("weights decide what share of the requests each model gets", () => {
  const got = Array.from({ length: 100 }, (_, i) => resolve("llama", NAMES, i / 100));
  assert.equal(got.filter((model) => model === "llama2").length, 10);
  assert.equal(got.filter((model) => model === "llama").length, 90);
});

Deno.test("the default stands for no name and for one that nobody knows", () => {
  const names = { ...NAMES, default: "tiny" };
  assert.equal(resolve(undefined, names), "tiny");
  assert.equal(resolve("unknown", names), "tiny");
  assert.equal(resolve("qwen3", names), "qwen3");
  assert.equal(resolve(undefined), undefined);
  assert.equal(resolve("unknown"), "unknown");
});

Deno.test("of weighted models a client gets those that it may use", () => {
  for (const chance of [0, 0.5, 0.99]) {
    assert.equal(resolve("llama", NAMES, chance, (model) => model === "llama2"), "llama2");
    assert.ok(resolve("llama", NAMES, chance, () => false), "one of them, which is then refused");
  }
});
