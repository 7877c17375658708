import assert from "node:assert/strict";
import fc from "fast-check";
import type { ParsedRequest } from "../../../src/proxy/request/classify.ts";
import { classify } from "../../../src/proxy/request/classify.ts";
import { withModel } from "../../../src/proxy/request/model_place.ts";
import { inTimeSlices } from "../../../src/util/time_slices.ts";
import { numRuns } from "../../support/property.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function rewritten(
  body: string,
  model: string,
  type = "application/json",
): Promise<string> {
  const bytes = encoder.encode(body);
  const parsed = await inTimeSlices(classify(bytes, type)) as ParsedRequest;
  return decoder.decode(withModel(bytes.slice(), parsed.modelPlace, model));
}

Deno.test("only the model's name changes in a JSON body", async () => {
  const body = '{ "x" : [1, 2.50e1],\n "model":"a", "messages": [{"model":"a"}] }';
  for (const model of ["b", "much longer than that", 'with "quotes"', ""]) {
    assert.equal(await rewritten(body, model), body.replace('"a"', JSON.stringify(model)));
  }
});

Deno.test("a body without a name, or with an empty one, gets one", async () => {
  assert.equal(await rewritten('{"prompt":"x"}', "b"), '{"model":"b","prompt":"x"}');
  assert.equal(await rewritten("{ }", "b"), '{"model":"b" }');
  const twice = JSON.parse(await rewritten('{"model":null,"prompt":"x"}', "b"));
  assert.equal(twice.model, "b");
  assert.equal(JSON.parse(await rewritten('{"model":"","prompt":"x"}', "b")).model, "b");
});

Deno.test("only the model's name changes in a form", async () => {
  const form = (model: string) =>
    `--xx\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n\0\u00ff\r\n` +
    `--xx\r\ncontent-disposition: form-data; name="model"\r\n\r\n${model}\r\n--xx--\r\n`;
  const type = "multipart/form-data; boundary=xx";
  assert.equal(await rewritten(form("whisper"), "w", type), form("w"));
  assert.equal(await rewritten(form("w"), "whisper-large", type), form("whisper-large"));
});

Deno.test("a form without a name gets a field", async () => {
  const form = '--xx\r\ncontent-disposition: form-data; name="language"\r\n\r\nen\r\n--xx--\r\n';
  const put = '--xx\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n';
  assert.equal(await rewritten(form, "whisper", "multipart/form-data; boundary=xx"), put + form);
});

Deno.test("whatever a body is, it parses as the same with another model", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.string(),
      async (value, model) => {
        const body = JSON.stringify({ ...value, model: "a" });
        assert.deepEqual(JSON.parse(await rewritten(body, model)), { ...JSON.parse(body), model });
      },
    ),
    { numRuns: numRuns / 10 },
  );
});
