import assert from "node:assert/strict";
import { startRouter } from "../support/router.ts";
import { metricsPage, modelsPage, startUpstream, type TestUpstream } from "../support/upstream.ts";

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** Starts a server that has only these paths besides the polled ones, and answers as FastAPI. */
function startServer(has: readonly string[], models = ["m"]): TestUpstream & { asked: Asked[] } {
  const asked: Asked[] = [];
  const server = startUpstream(async (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/v1/models") return modelsPage(...models);
    if (pathname === "/metrics") return metricsPage();
    if (pathname === "/health") return new Response();
    const body = await request.text();
    asked.push({ method: request.method, target: pathname + search, body });
    if (!has.includes(pathname)) return Response.json({ detail: "Not Found" }, { status: 404 });
    return Response.json({ served: pathname });
  });
  return Object.assign(server, { asked });
}

const QUIET = { policy: "round_robin", metrics_interval: 60, health_check_interval: 60 };

async function post(url: string, path: string, body: unknown) {
  const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, answer: await response.json() };
}

Deno.test("a request goes to a server that has its path, however many lack it, and none is blamed", async () => {
  const servers = Array.from(
    { length: 6 },
    (_, i) => startServer(i === 5 ? ["/v1/audio/speech"] : []),
  );
  await using router = await startRouter(servers.map(({ url }) => ({ url })), {
    ...QUIET,
    max_retries: 0,
  });
  try {
    for (let i = 0; i < 3; i++) {
      const { status, answer } = await post(router.url, "/v1/audio/speech", {
        model: "m",
        input: "x",
      });
      assert.deepEqual([status, answer.served], [200, "/v1/audio/speech"]);
    }
    const asked = servers.map(({ asked }) => asked.length);
    assert.equal(asked[5], 3);
    assert.ok(asked.slice(0, 5).every((count) => count <= 1), "what lacks it is remembered");
    assert.ok(router.fleet.snapshot().servers.every(({ state }) => state === "healthy"));
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
});

Deno.test("if no server has the path, the client reads that, in the format of the endpoint", async () => {
  await using one = startServer([]);
  await using two = startServer([]);
  await using router = await startRouter([{ url: one.url }, { url: two.url }], QUIET);
  for (let i = 0; i < 2; i++) {
    const { status, answer } = await post(router.url, "/v1/images/edits", { model: "m" });
    assert.equal(status, 404);
    assert.deepEqual(answer.error, {
      message: "No server of the model `m` has the path /v1/images/edits.",
      type: "invalid_request_error",
      param: null,
      code: "path_not_served",
    });
  }
  assert.deepEqual([one.asked.length, two.asked.length], [1, 1]);
  const { answer } = await post(router.url, "/v1/messages", { model: "m" });
  assert.deepEqual([answer.type, answer.error.type], ["error", "not_found_error"]);
  const unknown = await post(router.url, "/v1/images/edits", { model: "n" });
  assert.equal(unknown.answer.error.code, "model_not_found");
});

Deno.test("/tokenizer_info is a GET at a server of the model in its query", async () => {
  await using one = startServer(["/tokenizer_info"], ["a"]);
  await using two = startServer(["/tokenizer_info"], ["b"]);
  await using router = await startRouter([{ url: one.url }, { url: two.url }], QUIET);
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`${router.url}/tokenizer_info?model=b`);
    assert.deepEqual(await response.json(), { served: "/tokenizer_info" });
  }
  assert.deepEqual(one.asked, []);
  assert.deepEqual(two.asked[0], {
    method: "GET",
    target: "/tokenizer_info?model=b",
    body: "",
  });
  const wrong = await fetch(`${router.url}/tokenizer_info`, { method: "POST", body: "{}" });
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "GET"]);
  await wrong.body?.cancel();
});

Deno.test("an extra path is forwarded like any other; a misspelt one is served, or its name is told", async () => {
  await using server = startServer(["/v1/custom", "/v1/chat/completions"]);
  await using router = await startRouter([{ url: server.url }], {
    ...QUIET,
    extra_paths: ["/v1/custom"],
  });
  assert.equal((await post(router.url, "/v1/custom?a=b", { model: "m" })).status, 200);
  assert.equal(server.asked[0]!.target, "/v1/custom?a=b");
  for (const path of ["/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions/"]) {
    const { answer } = await post(router.url, path, { model: "m" });
    assert.deepEqual(answer, { served: "/v1/chat/completions" }, path);
  }
  const { status, answer } = await post(router.url, "/v1/chat/completion", { model: "m" });
  assert.equal(status, 404);
  assert.equal(
    answer.error.message,
    "The path /v1/chat/completion does not exist. Did you mean /v1/chat/completions?",
  );
  const models = await (await fetch(`${router.url}/v1/v1/models/`)).json();
  assert.deepEqual(models.data.map(({ id }: { id: string }) => id), ["m"]);
});

Deno.test("a 404 lists the models that the key may use, and x-served-by names the server", async () => {
  await using server = startServer(["/v1/chat/completions"], ["alpha", "beta", "gamma"]);
  const key = { name: "k", key: "secret-key-1", models: ["alpha", "beta"] };
  await using router = await startRouter(
    [{ url: server.url, name: "gpu-1" }],
    { ...QUIET, debug_headers: true },
    {},
    { auth: { api_keys: [key] } },
  );
  const ask = (model: string) =>
    fetch(`${router.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer secret-key-1" },
      body: JSON.stringify({ model }),
    });
  const { error } = await (await ask("gamma")).json();
  assert.equal(
    error.message,
    "The model `gamma` does not exist, or your API key may not use it. Models: `alpha`, `beta`.",
  );
  assert.match((await (await ask("alpa")).json()).error.message, /Did you mean `alpha`\?/);
  const response = await ask("alpha");
  assert.equal(response.headers.get("x-served-by"), "gpu-1");
  await response.body?.cancel();
});

for (const name of ["服务器 1", "a\nb: c", "gpu\u001b[2J", "\ud800"]) {
  const encoded = encodeURI(name.toWellFormed()).replace("%20", " ").replace("%5B", "[");
  Deno.test(`a server called ${JSON.stringify(name)} is named in x-served-by as ${encoded}`, async () => {
    await using server = startServer(["/v1/chat/completions"]);
    await using router = await startRouter([{ url: server.url, name }], {
      ...QUIET,
      debug_headers: true,
    });
    const response = await fetch(`${router.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "m" }),
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("x-served-by"), encoded);
    await response.body?.cancel();
  });
}
