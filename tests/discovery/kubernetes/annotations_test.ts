import assert from "node:assert/strict";
import { annotationsOf, PREFIX } from "../../../src/discovery/kubernetes/annotations.ts";
import { readPod } from "../../../src/discovery/kubernetes/objects.ts";

const ENV = new Map([["VLLM_API_KEY_B", "secret-b\n"], ["VLLM_ROUTER_TOKEN", "other"]]);

function read(annotations: Readonly<Record<string, string>>) {
  const metadata = { name: "vllm-0", resourceVersion: "1", uid: "u", annotations };
  const pod = readPod({ metadata }, PREFIX);
  assert.ok(pod);
  const warnings: string[] = [];
  const said = annotationsOf(pod, (name) => ENV.get(name), (text) => void warnings.push(text));
  return { said, warnings };
}

Deno.test("annotations say a server's name, capacity, engine, models and key", () => {
  assert.deepEqual(
    read({
      "vllm-router/name": "gpu-7",
      "vllm-router/max-concurrent-requests": "256",
      "vllm-router/engine": "sglang",
      "vllm-router/models": "Qwen/Qwen3-8B, lora-a",
      "vllm-router/api-key-env": "VLLM_API_KEY_B",
      "prometheus.io/scrape": "true",
    }),
    {
      said: {
        name: "gpu-7",
        capacity: 256,
        engine: "sglang",
        models: ["Qwen/Qwen3-8B", "lora-a"],
        apiKey: "secret-b",
      },
      warnings: [],
    },
  );
});

Deno.test("an annotation that isn't valid is left out with a warning that names it, not its value", () => {
  for (
    const [name, value, expected] of [
      ["max-concurrent-requests", "0", "a whole number from 1 to 100000"],
      ["max-concurrent-requests", "1e9", "a whole number from 1 to 100000"],
      ["name", "two\nlines", "a name of up to 200 characters"],
      ["engine", "own", "one of vllm, sglang"],
      ["models", " , ", "names of models, separated by commas"],
      ["api-key-env", "sk-secret-key", "the name of a variable that begins with VLLM_API_KEY"],
      ["api-key-env", "VLLM_ROUTER_TOKEN", "the name of a variable that begins with VLLM_API_KEY"],
      ["api-key-env", "VLLM_API_KEY_C", "a variable of the router that has a key"],
    ] as const
  ) {
    const { said, warnings } = read({ [`vllm-router/${name}`]: value });
    assert.deepEqual(said, {});
    assert.equal(warnings.length, 1);
    const where = `pod vllm-0: annotation vllm-router/${name}: expected ${expected}`;
    assert.ok(warnings[0]!.startsWith(where), warnings[0]);
    assert.ok(!warnings[0]!.includes("sk-secret-key"));
  }
});

Deno.test("an unknown annotation of the router's is ignored with a warning", () => {
  for (const name of ["api-key", "constructor"]) {
    const { said, warnings } = read({ [`vllm-router/${name}`]: "x" });
    assert.deepEqual(said, {});
    assert.match(warnings[0]!, /: unknown, ignored; expected one of vllm-router\/max-concurrent/);
  }
});
