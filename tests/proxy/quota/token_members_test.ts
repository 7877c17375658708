import assert from "node:assert/strict";
import { readTokenMembers } from "../../../src/proxy/quota/token_members.ts";
import { inTimeSlices } from "../../../src/util/time_slices.ts";

const read = (body: unknown) =>
  inTimeSlices(
    readTokenMembers(
      new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
    ),
  );
const most = async (body: unknown) => (await read(body)).mostAnswerTokens;

Deno.test("the most tokens of the answers are the smallest limit, times the number of answers", async () => {
  assert.equal(await most({}), undefined);
  assert.equal(await most({ max_tokens: 10 }), 10);
  assert.equal(await most({ max_tokens: 10, max_completion_tokens: 7, n: 3 }), 21);
  assert.equal(await most({ max_output_tokens: 5 }), 5);
  assert.equal(await most({ max_tokens: 4, n: 1, best_of: 2 }), 8);
  assert.equal(await most({ sampling_params: { max_tokens: 9 } }), 9);
});

Deno.test("what is no count limits nothing", async () => {
  for (const max of [null, "5", -1, 1e300, {}, [5]]) {
    assert.equal(await most({ max_tokens: max }), undefined);
  }
  assert.equal(await most({ max_tokens: 5, n: "many" }), 5);
});

Deno.test("only include_usage: true asks for the usage", async () => {
  const asks = async (options: unknown) => (await read({ stream_options: options })).asksUsage;
  assert.equal(await asks({ include_usage: true }), true);
  for (const options of [null, {}, { include_usage: "true" }, { continuous_usage_stats: true }]) {
    assert.equal(await asks(options), false);
  }
});

Deno.test("a body that is no object says nothing", async () => {
  for (const body of ["--boundary", "[]", ""]) assert.equal((await read(body)).isJson, false);
});
