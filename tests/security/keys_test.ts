import assert from "node:assert/strict";
import { writtenHash } from "../../src/config/key_hash.ts";
import { loadConfig } from "../../src/config/load.ts";
import { inferencePaths } from "../../src/proxy/paths.ts";
import { until } from "../support/until.ts";
import { bearer, CHAT, configText, startGuarded, startRecorder, statusOf } from "./guarded.ts";

const LISTINGS = ["/", "/v1/models", "/v1/models/m"];
const PAGES = ["/load-stats", "/server-models", "/metrics", "/dashboard", "/dashboard/view"];
const auth = (keys: string) => `[auth]\napi_keys = [${keys}]`;

Deno.test("a key may be written itself, as a variable's name or as its hash; no other gets in", async () => {
  Deno.env.set("KEYS_TEST_KEY", "from-the-environment");
  try {
    await using server = startRecorder();
    await using router = await startGuarded({
      server: server.url,
      tables: auth(`
        "written",
        "\${KEYS_TEST_KEY}",
        { name = "hashed", key = "${writtenHash("only-its-hash")}" },
      `),
    });
    for (const key of ["written", "from-the-environment", "only-its-hash"]) {
      assert.equal(await statusOf(router.ask({ headers: bearer(key) })), 200, key);
    }
    const wrong = [
      ...["Written", "written ", "writte", "writtenn", "none", "${KEYS_TEST_KEY}", "hashed"],
      writtenHash("only-its-hash"),
      writtenHash("written").slice("sha256:".length),
    ].map(bearer);
    const others = [
      {},
      { authorization: "written" },
      { authorization: "Bearer" },
      { authorization: "Bearer written, Bearer written" },
      { authorization: "Token written" },
      { "x-api-key": "" },
      { "x-api-key": "written, written" },
      { "api-key": "written" },
      { cookie: "api_key=written" },
    ];
    for (const headers of [...wrong, ...others] as Record<string, string>[]) {
      const status = await statusOf(router.ask({ headers }));
      // What the client trims is a right key again.
      assert.equal(status, headers.authorization === "Bearer written " ? 200 : 401);
    }
    assert.equal(await statusOf(router.ask({ path: "/v1/completions?api_key=written" })), 401);
    assert.equal(server.seen.length, 4);
  } finally {
    Deno.env.delete("KEYS_TEST_KEY");
  }
});

Deno.test("a key is shown as Bearer or x-api-key; a browser's password opens pages and nothing else", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good"`) });
  const password = { authorization: `Basic ${btoa("anybody:good")}` };
  const wrong = { authorization: `Basic ${btoa("good:wrong")}` };
  for (
    const headers of [bearer("good"), { authorization: "bearer good" }, { "x-api-key": "good" }]
  ) {
    for (const path of [...LISTINGS, ...PAGES]) {
      assert.equal(await statusOf(router.get(path, headers)), 200, path);
    }
    assert.equal(await statusOf(router.ask({ headers })), 200);
  }
  for (const path of PAGES) {
    assert.equal(await statusOf(router.get(path, password)), 200, path);
    assert.equal(await statusOf(router.get(path, wrong)), 401, path);
    assert.equal(await statusOf(router.get(path, { authorization: "Basic ?" })), 401, path);
    const asked = await router.get(path);
    await asked.body?.cancel();
    assert.equal(
      asked.headers.get("www-authenticate"),
      `Bearer realm="vllm-router", Basic realm="vllm-router"`,
    );
  }
  // A browser sends it by itself, whatever page makes it ask.
  assert.equal(await statusOf(router.ask({ headers: password })), 401);
  for (const path of LISTINGS) assert.equal(await statusOf(router.get(path, password)), 401);
});

Deno.test("without a key every path for inference and every listing answers 401 as OpenAI does", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good"`) });
  const answers = [
    ...inferencePaths.map((path) => router.ask({ path, headers: bearer("bad") })),
    ...inferencePaths.map((path) => router.ask({ path })),
    ...LISTINGS.map((path) => router.get(path)),
    router.get("/v1/models/none"),
  ];
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, 401, answer.url);
    assert.equal(answer.headers.get("www-authenticate"), `Bearer realm="vllm-router"`);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.deepEqual(await answer.json(), {
      error: {
        message: "Expected a valid key, as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
        type: "authentication_error",
        param: null,
        code: 401,
      },
    });
  }
  assert.deepEqual(server.seen, []);
  const page = await (await router.get("/metrics", bearer("good"))).text();
  assert.match(
    page,
    new RegExp(
      `^vllm_router_turned_away_total{reason="no_key"} ${2 * inferencePaths.length}$`,
      "m",
    ),
  );
});

Deno.test("a browser's question whether it may ask needs no key", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good"`) });
  for (const path of ["/v1/chat/completions", "/v1/models", "/metrics"]) {
    const answer = await fetch(router.url + path, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
      },
    });
    await answer.body?.cancel();
    assert.equal(answer.status, 204);
    assert.match(answer.headers.get("access-control-allow-headers")!, /authorization/);
  }
});

Deno.test("a key for some models gets those, lists those, and has to name one", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: auth(`{ name = "small", key = "small", models = ["m", "unknown"] }, "all"`),
  });
  const headers = bearer("small");
  const ask = (body: BodyInit, path?: string) =>
    statusOf(router.ask({ headers, body, ...(path && { path }) }));
  const form = (...models: string[]) => {
    const fields = new FormData();
    for (const model of models) fields.append("model", model);
    fields.append("file", new Blob(["sound"]), "a.wav");
    return ask(fields, "/v1/audio/transcriptions");
  };
  assert.equal(await ask(`{"model":"m"}`), 200);
  assert.equal(await form("m"), 200);
  assert.equal(server.seen.length, 2);

  assert.equal(await ask(`{"model":"big"}`), 404);
  assert.equal(await ask(`{"model":"m","model":"big"}`), 404);
  assert.equal(await ask(String.raw`{"model":"m","mod\u0065l":"big"}`), 404);
  assert.equal(await ask(`{"messages":[]}`), 400);
  assert.equal(await ask(`{"model":null}`), 400);
  assert.equal(await ask(`{"model":["m"]}`), 400);
  assert.equal(await form("big"), 404);
  assert.equal(await form("m", "big"), 400);
  assert.equal(await form("big", "m"), 400);
  assert.equal(await form(), 400);
  // Spellings of a second part that servers read, and other parsers don't.
  for (const name of ['NAME="model"', 'name= "model"', 'name="\ufeffmodel"', "name=model"]) {
    const part = (name: string, value: string) =>
      `--x\r\nContent-Disposition: form-data; ${name}\r\n\r\n${value}\r\n`;
    const written = new Blob([`${part('name="model"', "m")}${part(name, "big")}--x--\r\n`], {
      type: "multipart/form-data; boundary=x",
    });
    assert.equal(await ask(written, "/v1/audio/transcriptions"), 400, name);
  }
  assert.equal(server.seen.length, 2);

  const listed = async (key: string) => {
    const { data } = await (await router.get("/v1/models", bearer(key))).json();
    return data.map(({ id }: { id: string }) => id);
  };
  assert.deepEqual(await listed("small"), ["m"]);
  assert.deepEqual(await listed("all"), ["m", "big"]);
  assert.equal(await statusOf(router.get("/v1/models/m", headers)), 200);
  assert.equal(await statusOf(router.get("/v1/models/big", headers)), 404);
  // Whether it is there can't be told from whether the key is good for it.
  const told = async (model: string) =>
    (await (await router.ask({ headers, body: `{"model":"${model}"}` })).text())
      .replaceAll(model, "MODEL");
  assert.equal(await told("big"), await told("nowhere"));
});

Deno.test("a key has so many requests a minute, and is told how many are left and when there is more", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: auth(`{ name = "slow", key = "slow", requests_per_minute = 3 }, "other"`),
  });
  const headers = bearer("slow");
  for (const left of [2, 1, 0]) {
    const answer = await router.ask({ headers });
    await answer.body?.cancel();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-ratelimit-limit-requests"), "3");
    assert.equal(answer.headers.get("x-ratelimit-remaining-requests"), `${left}`);
    assert.match(answer.headers.get("x-ratelimit-reset-requests")!, /^\d+\.\d{3}s$/);
  }
  const answer = await router.ask({ headers });
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get("x-ratelimit-remaining-requests"), "0");
  const wait = Number(answer.headers.get("retry-after"));
  assert.ok(wait > 15 && wait <= 20, `${wait}`);
  const { error } = await answer.json();
  assert.equal(error.type, "rate_limit_error");
  assert.equal(error.code, 429);
  assert.equal(await statusOf(router.ask({ headers: bearer("other") })), 200);
  assert.equal(await statusOf(router.get("/v1/models", headers)), 200, "a listing costs nothing");
  const page = await (await router.get("/metrics", headers)).text();
  assert.match(page, /^vllm_router_key_requests_total{key="slow",code="429"} 1$/m);
  assert.equal(server.seen.length, 4);
});

Deno.test("a key has so many requests in flight, and a place is free when one of them has ended", async () => {
  let release = () => {};
  await using server = startRecorder(() =>
    new Promise((resolve) => release = () => resolve(Response.json({})))
  );
  await using router = await startGuarded({
    server: server.url,
    tables: auth(`{ name = "narrow", key = "narrow", max_in_flight = 1 }`),
  });
  const headers = bearer("narrow");
  for (const body of [CHAT, `{"model":"m","stream":true}`]) {
    const before = server.seen.length;
    const first = router.ask({ headers, body });
    await until("it is at the server", () => server.seen.length === before + 1);
    const second = await router.ask({ headers });
    assert.equal(second.status, 429);
    assert.equal(second.headers.get("x-ratelimit-limit-in-flight"), "1");
    assert.equal(second.headers.get("x-ratelimit-remaining-in-flight"), "0");
    assert.equal(second.headers.get("retry-after"), "1");
    await second.body?.cancel();
    release();
    assert.equal(await statusOf(first), 200);
  }
  // Whatever ends a request gives its place back.
  assert.equal(await statusOf(router.ask({ headers, body: "no JSON" })), 400);
  assert.equal(await statusOf(router.ask({ headers, body: `{"model":"none"}` })), 404);
  const gone = new AbortController();
  const left = fetch(`${router.url}/v1/completions`, {
    method: "POST",
    headers,
    body: CHAT,
    signal: gone.signal,
  });
  await until("it is at the server", () => server.seen.length === 3);
  gone.abort();
  await assert.rejects(left);
  await until("the place is free", async () => {
    const status = statusOf(router.ask({ headers }));
    await Promise.race([status, until("it is at the server", () => server.seen.length > 3)]);
    release();
    return await status === 200;
  });
  release();
});

Deno.test("logs and metrics name keys and never show them", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: auth(`{ name = "lab", key = "secret-of-lab" }, "secret-without-a-name"`),
  });
  assert.equal(await statusOf(router.ask({ headers: bearer("secret-of-lab") })), 200);
  assert.equal(
    await statusOf(router.ask({ headers: { "x-api-key": "secret-without-a-name" } })),
    200,
  );
  assert.equal(await statusOf(router.ask({ headers: bearer("secret-that-is-wrong") })), 401);
  await until("the log has both", () => (router.log().match(/"key":/g) ?? []).length === 2);
  assert.match(router.log(), /"key":"lab"/);
  assert.match(router.log(), /"key":"key-2"/);
  const page = await (await router.get("/metrics", bearer("secret-of-lab"))).text();
  assert.match(page, /^vllm_router_key_requests_total{key="lab",code="200"} 1$/m);
  assert.match(page, /^vllm_router_key_requests_total{key="key-2",code="200"} 1$/m);
  for (const text of [router.log(), page]) assert.doesNotMatch(text, /secret/);
});

Deno.test("a file of keys is read again when it changes, in place or replaced; the rest goes on", async () => {
  await using server = startRecorder();
  const keys = (...entries: string[]) => `api_keys = [${entries}]\n`;
  await using router = await startGuarded({
    server: server.url,
    tables: `[auth]\napi_keys_file = "keys.toml"\napi_keys = ["inline"]`,
    files: { "keys.toml": keys(`"first"`) },
  });
  const status = (key: string) => statusOf(router.ask({ headers: bearer(key) }));
  const isIn = async (key: string) => await status(key) === 200;
  assert.deepEqual([await status("first"), await status("second")], [200, 401]);

  await router.write("keys.toml", keys(`"second"`));
  await until("edited in place", () => isIn("second"));
  assert.equal(await status("first"), 401);

  await router.replace("keys.toml", keys(`{ name = "x", key = "${writtenHash("third")}" }`));
  await until("replaced", () => isIn("third"));
  assert.equal(await status("second"), 401);

  // What can't be used changes nothing, and is told without what stands there.
  await router.replace("keys.toml", `api_keys = ["fourth", secret`);
  await until("told", () => /not valid TOML/.test(router.log()));
  assert.deepEqual([await status("third"), await status("fourth")], [200, 401]);
  await Deno.remove(`${router.folder}/keys.toml`);
  await until("told", () => /no such file/.test(router.log()));
  assert.equal(await status("third"), 200);
  assert.doesNotMatch(router.log(), /fourth|secret/);

  await router.write("keys.toml", keys());
  await until("withdrawn", async () => !await isIn("third"));
  assert.equal(await status("inline"), 200);
});

Deno.test("a list without a key lets nobody in, and takes back all that were", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: `[auth]\napi_keys_file = "keys.toml"`,
    files: { "keys.toml": "api_keys = []" },
  });
  assert.equal(await statusOf(router.ask()), 401);
  assert.equal(await statusOf(router.ask({ headers: bearer("") })), 401);
  await router.write("keys.toml", `api_keys = ["one"]`);
  await until("let in", async () => await statusOf(router.ask({ headers: bearer("one") })) === 200);
  await router.write("keys.toml", "api_keys = []");
  await until("out", async () => await statusOf(router.ask({ headers: bearer("one") })) === 401);
});

Deno.test("what is misspelt about keys is refused: it would let in more than was meant", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (
      const [tables, keys, problem] of [
        [`[auth]\napi_key = ["a"]`, "", "auth.api_key: unknown key; did you mean api_keys?"],
        [
          auth(`{ name = "a", key = "a", model = ["m"] }`),
          "",
          "auth.api_keys[0].model: unknown key; did you mean models?",
        ],
        [
          `[auth]\napi_keys_file = "keys.toml"`,
          `api_keys = [{ name = "a", key = "a", max_inflight = 1 }]`,
          "keys.toml api_keys[0].max_inflight: unknown key; did you mean max_in_flight?",
        ],
        [
          auth(`"sha256:123"`),
          "",
          "auth.api_keys[0]: expected 64 hexadecimal digits after sha256:",
        ],
        [
          auth(`{ name = "a", key = "1" }, { name = "a", key = "2" }`),
          "",
          "auth: expected one key named a, got several",
        ],
      ] as const
    ) {
      await Deno.writeTextFile(`${folder}/keys.toml`, keys);
      const path = `${folder}/servers.toml`;
      await Deno.writeTextFile(path, configText({ server: "http://a", tables }));
      const { checked } = await loadConfig(path);
      assert.ok(!checked.ok);
      const told = checked.problems.map(({ where, what }) => `${where}: ${what}`);
      assert.deepEqual(told, [`${path}: ${problem}`]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
