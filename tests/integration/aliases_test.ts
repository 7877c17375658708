import assert from "node:assert/strict";
import { MODEL, startFleet } from "../support/fleet.ts";

// Clients see the name that they asked for, servers the model that runs (issue 18).

const ALIASES = { "gpt-*": MODEL, 'Mein "Modell"': MODEL };

const start = (models: Record<string, unknown>, tables: Record<string, unknown> = {}) =>
  startFleet({
    servers: [{ speed: 50 }, { speed: 50 }],
    settings: { policy: "round_robin" },
    tables: { models, ...tables },
  });

function post(url: string, path: string, body: object, headers = {}): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

const messages = [{ role: "user", content: 'Say "model":"x" please' }];
const calls: readonly (readonly [path: string, body: object])[] = [
  ["/v1/chat/completions", { messages, max_tokens: 5 }],
  ["/v1/chat/completions", { messages, max_tokens: 5, stream_options: { include_usage: true } }],
  ["/v1/completions", { prompt: "Hello", max_tokens: 5 }],
  ["/v1/messages", { messages, max_tokens: 5 }],
  ["/v1/responses", { input: "Hello", max_output_tokens: 5, metadata: { model: MODEL } }],
];

for (const [path, body] of calls) {
  for (const stream of [false, true]) {
    Deno.test(`${path}${stream ? ", streamed" : ""}: the answer names the model as the client did`, async () => {
      await using fleet = await start({ aliases: ALIASES });
      for (const model of ["gpt-4o", 'Mein "Modell"', MODEL]) {
        const response = await post(fleet.router.url, path, { ...body, model, stream });
        assert.equal(response.status, 200);
        const text = await response.text();
        const events = stream
          ? text.split("\n").filter((line) => line.startsWith("data: {"))
            .map((line) => JSON.parse(line.slice("data: ".length)))
          : [JSON.parse(text)];
        const named = events.map((event) =>
          event.model ?? event.message?.model ?? event.response?.model
        ).filter((name) => name !== undefined);
        assert.ok(named.length > 0);
        assert.deepEqual([...new Set(named)], [model]);
      }
    });
  }
}

Deno.test("an upload is sent to the model that an alias stands for", async () => {
  await using fleet = await start({ aliases: { "whisper-1": MODEL } });
  const form = new FormData();
  form.set("file", new Blob([new Uint8Array(1000)]), "a.wav");
  form.set("model", "whisper-1");
  const response = await fetch(`${fleet.router.url}/v1/audio/transcriptions`, {
    method: "POST",
    body: form,
  });
  assert.equal(response.status, 200);
  await response.body?.cancel();
});

Deno.test("the list of models has the aliases, and each can be looked up", async () => {
  await using fleet = await start({
    aliases: { "gpt-4o": MODEL, "claude-*": MODEL, "gone": "no" },
  });
  const get = async (path: string) => await (await fetch(fleet.router.url + path)).json();
  const { data } = await get("/v1/models");
  assert.deepEqual(data.map(({ id }: { id: string }) => id), [MODEL, "gpt-4o"]);
  assert.equal(data[1].root, MODEL);
  assert.equal(data[1].max_model_len, data[0].max_model_len);
  assert.equal((await get("/v1/models/gpt-4o")).id, "gpt-4o");
  assert.equal((await get("/v1/models/claude-sonnet-4-5")).root, MODEL);
  assert.equal((await get("/v1/models/gone")).error.code, "model_not_found");
});

Deno.test("the default serves requests without a model, and of an unknown one", async () => {
  await using fleet = await start({ default: MODEL });
  for (const model of [undefined, "unknown"]) {
    const response = await post(fleet.router.url, "/v1/completions", {
      prompt: "a",
      max_tokens: 1,
      ...(model && { model }),
    });
    assert.equal(response.status, 200);
    assert.equal((await response.json()).model, model ?? MODEL);
  }
});

Deno.test("a key's models hold for the model that runs", async () => {
  const key = { name: "lab", key: "a-long-enough-key", models: [MODEL] };
  const other = { name: "other", key: "another-long-key", models: ["gpt-4o"] };
  await using fleet = await start({ aliases: { "gpt-4o": MODEL } }, {
    auth: { api_keys: [key, other] },
  });
  const ask = async (key: string) => {
    const body = { model: "gpt-4o", prompt: "a", max_tokens: 1 };
    const headers = { authorization: `Bearer ${key}` };
    const response = await post(fleet.router.url, "/v1/completions", body, headers);
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await ask("a-long-enough-key"), 200);
  assert.equal(await ask("another-long-key"), 404);
});

Deno.test("a stream under an alias that another server goes on with keeps its name", async () => {
  await using fleet = await start({ aliases: { "gpt-4o": MODEL } });
  const [cutting] = fleet.simulators;
  await cutting!.setFault({ kind: "reset_mid_stream", afterTokens: 5, times: 1 });
  let text = "";
  while (cutting!.state().failed === 0) {
    const body = { model: "gpt-4o", messages, max_tokens: 20, ignore_eos: true, stream: true };
    text = await (await post(fleet.router.url, "/v1/chat/completions", body)).text();
  }
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  assert.ok(text.includes('"model":"gpt-4o"'));
  assert.ok(!text.includes(MODEL));
});
