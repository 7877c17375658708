import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { bearer, configText, startGuarded, startRecorder } from "../security/guarded.ts";

const auth = (keys: string) => `[auth]\napi_keys = [${keys}]`;
const FAST = `{ name = "fast", key = "fast-key-", priority = -5 }`;

/** Returns what a server got for a body and headers, sent with the key `fast`. */
async function sentTo(
  serverKeys: string,
  body: string,
  { keys = FAST, headers = {}, path = "/v1/chat/completions" } = {},
) {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    serverKeys,
    tables: auth(keys),
  });
  const answer = await router.ask({ body, path, headers: { ...bearer("fast-key-"), ...headers } });
  await answer.body?.cancel();
  assert.equal(answer.status, 200);
  const { body: sent, headers: got } = server.seen[0]!;
  return [sent, got.get("x-vllm-priority")];
}

const SCHEDULES = "priority_scheduling = true";

Deno.test("a key's priority goes to a server that schedules by it, in the body and the header", async () => {
  assert.deepEqual(await sentTo(SCHEDULES, `{"model":"m","messages":[]}`), [
    `{"model":"m","messages":[],"priority":-5}`,
    "-5",
  ]);
});

Deno.test("a client can't raise its own priority above its key's", async () => {
  const headers = { "x-vllm-priority": "-100" };
  const body = `{ "model": "m", "priority": -100, "messages": [] }`;
  assert.deepEqual(await sentTo(SCHEDULES, body, { headers }), [
    `{ "model": "m", "priority": -5, "messages": [] }`,
    "-5",
  ]);
  // A server that may schedule by priority although nothing says so gets neither.
  assert.deepEqual(await sentTo("", body, { headers }), [
    `{ "model": "m", "priority": 0, "messages": [] }`,
    null,
  ]);
  const escaped = String.raw`{"model":"m","pri\u006frity":-100}`;
  assert.deepEqual(await sentTo(SCHEDULES, escaped), [
    String.raw`{"model":"m","pri\u006frity":-5}`,
    "-5",
  ]);
});

Deno.test("a server that doesn't schedule by priority gets the client's bytes", async () => {
  assert.deepEqual(await sentTo("", `{"model":"m"}`), [`{"model":"m"}`, null]);
});

Deno.test("a key without a priority leaves the client's as it is", async () => {
  const keys = `{ name = "fast", key = "fast-key-" }`;
  const body = `{"model":"m","priority":3}`;
  const headers = { "x-vllm-priority": "4" };
  assert.deepEqual(await sentTo(SCHEDULES, body, { keys, headers }), [body, "4"]);
});

Deno.test("a reload keeps the tokens that a key has used, under its new limit", async () => {
  const usage = { prompt_tokens: 40, total_tokens: 100, completion_tokens: 60 };
  await using server = startRecorder(() => Response.json({ choices: [], usage }));
  const key = (limit: string) => auth(`{ name = "lab", key = "lab-key-1", ${limit} }`);
  const tables = key("tokens_per_minute = 1000");
  await using router = await startGuarded({ server: server.url, tables });
  const left = async () => {
    const answer = await router.ask({
      headers: bearer("lab-key-1"),
      body: `{"model":"m","messages":[],"max_tokens":1}`,
    });
    await answer.body?.cancel();
    return Number(answer.headers.get("x-ratelimit-remaining-tokens"));
  };
  assert.ok(await left() > 990);
  const before = await left();
  assert.ok(before < 900 && before > 880, `${before} are left`);
  await router.write(
    "servers.toml",
    configText({ server: server.url, tables: key("tokens_per_minute = 100000") }),
  );
  let now = 0;
  await until("the reload takes effect", async () => (now = await left()) > 10_000);
  assert.ok(now < 99_900, `${now} are left`);
});
