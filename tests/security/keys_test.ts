import assert from "node:assert/strict";
import { writtenHash } from "../../src/config/key_hash.ts";
import { loadConfig } from "../../src/config/file/load.ts";
import { endpoints } from "../../src/vllm/endpoints.ts";
import { until } from "../support/until.ts";
import { bearer, CHAT, configText, startGuarded, startRecorder, statusOf } from "./guarded.ts";

const LISTINGS = ["/", "/v1/models", "/v1/models/m"];
const PAGES = ["/load-stats", "/server-models", "/metrics", "/dashboard", "/dashboard/view"];
const auth = (keys: string) => `[auth]\napi_keys = [${keys}]`;

Deno.test("keys in plain text, from a variable or as a hash are accepted; others are rejected", async () => {
  Deno.env.set("KEYS_TEST_KEY", "from-the-environment");
  try {
    await using server = startRecorder();
    await using router = await startGuarded({
      server: server.url,
      tables: auth(`
        "written-key",
        "\${KEYS_TEST_KEY}",
        { name = "hashed", key = "${writtenHash("only-its-hash")}" },
      `),
    });
    for (const key of ["written-key", "from-the-environment", "only-its-hash"]) {
      assert.equal(await statusOf(router.ask({ headers: bearer(key) })), 200, key);
    }
    const wrong = [
      ...[
        "Written-key",
        "written-key ",
        "written-ke",
        "written-keyn",
        "none",
        "${KEYS_TEST_KEY}",
        "hashed",
      ],
      writtenHash("only-its-hash"),
      writtenHash("written-key").slice("sha256:".length),
    ].map(bearer);
    const others = [
      {},
      { authorization: "written-key" },
      { authorization: "Bearer" },
      { authorization: "Bearer written-key, Bearer written-key" },
      { authorization: "Token written-key" },
      { "x-api-key": "" },
      { "x-api-key": "written-key, written-key" },
      { "api-key": "none" },
      { cookie: "api_key=written-key-key" },
    ];
    for (const headers of [...wrong, ...others] as Record<string, string>[]) {
      const status = await statusOf(router.ask({ headers }));
      // The client trims this to a valid key.
      assert.equal(status, headers.authorization === "Bearer written-key " ? 200 : 401);
    }
    assert.equal(
      await statusOf(router.ask({ path: "/v1/completions?api_key=written-key-key" })),
      401,
    );
    assert.equal(server.seen.length, 4);
  } finally {
    Deno.env.delete("KEYS_TEST_KEY");
  }
});

Deno.test("a key is accepted as Bearer, x-api-key or api-key, also next to wrong ones; HTTP Basic opens only pages", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good-key"`) });
  const password = { authorization: `Basic ${btoa("anybody:good-key")}` };
  const wrong = { authorization: `Basic ${btoa("good-key:wrong")}` };
  for (
    const headers of [
      bearer("good-key"),
      { authorization: "bearer good-key" },
      { "x-api-key": "good-key" },
      { "api-key": "good-key" },
      { ...bearer("none"), "x-api-key": "good-key" },
      { ...bearer("none"), "api-key": "good-key" },
      { ...bearer("good-key"), "x-api-key": "none" },
    ] as Record<string, string>[]
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
      `Basic realm="vllm-router"`,
    );
  }
  // Browsers send it automatically, whichever page makes the request.
  assert.equal(await statusOf(router.ask({ headers: password })), 401);
  for (const path of LISTINGS) assert.equal(await statusOf(router.get(path, password)), 401);
});

Deno.test("without a key, every inference path and every listing is 401 in its endpoint's format", async () => {
  const posts = endpoints.filter(({ method }) => method === "POST").map(({ path }) => path);
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good-key"`) });
  const answers = [
    ...posts.map((path) => router.ask({ path, headers: bearer("bad") })),
    ...posts.map((path) => router.ask({ path })),
    ...LISTINGS.map((path) => router.get(path)),
    router.get("/v1/models/none"),
  ];
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, 401, answer.url);
    assert.equal(answer.headers.get("www-authenticate"), `Bearer realm="vllm-router"`);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    const message = "Expected a valid key, as `Authorization: Bearer KEY` or `x-api-key: KEY`.";
    const type = "authentication_error";
    const id = answer.headers.get("x-request-id");
    assert.ok(id);
    assert.deepEqual(
      await answer.json(),
      answer.url.includes("/v1/messages")
        ? { type: "error", error: { type, message }, request_id: id }
        : { error: { message, type, param: null, code: "invalid_api_key" } },
    );
  }
  assert.deepEqual(server.seen, []);
  const page = await (await router.get("/metrics", bearer("good-key"))).text();
  assert.match(
    page,
    new RegExp(
      `^vllm_router_turned_away_total{reason="no_key"} ${2 * posts.length}$`,
      "m",
    ),
  );
});

Deno.test("a CORS preflight request needs no key", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good-key"`) });
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

Deno.test("a key limited to some models may use and list only those, and must specify one", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: auth(`{ name = "small", key = "small-key", models = ["m", "unknown"] }, "all-models"`),
  });
  const headers = bearer("small-key");
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
  // Spellings of a second part that servers accept, but other parsers don't.
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
  assert.deepEqual(await listed("small-key"), ["m"]);
  assert.deepEqual(await listed("all-models"), ["m", "big"]);
  assert.equal(await statusOf(router.get("/v1/models/m", headers)), 200);
  assert.equal(await statusOf(router.get("/v1/models/big", headers)), 404);
  // The response doesn't reveal whether a forbidden model exists.
  const told = async (model: string) =>
    (await (await router.ask({ headers, body: `{"model":"${model}"}` })).text())
      .replaceAll(model, "MODEL");
  assert.equal(await told("big"), await told("nowhere"));
});

Deno.test("a key's requests per minute are limited, and headers report the rest and the reset", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: auth(`{ name = "slow", key = "slow-key", requests_per_minute = 3 }, "other-key"`),
  });
  const headers = bearer("slow-key");
  for (const left of [2, 1, 0]) {
    const answer = await router.ask({ headers });
    await answer.body?.cancel();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-ratelimit-limit-requests"), "3");
    assert.equal(answer.headers.get("x-ratelimit-remaining-requests"), `${left}`);
    assert.match(answer.headers.get("x-ratelimit-reset-requests")!, /^(\d+(\.\d)?|1m0)s$/);
  }
  const answer = await router.ask({ headers });
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get("x-ratelimit-remaining-requests"), "0");
  const wait = Number(answer.headers.get("retry-after"));
  assert.ok(wait > 55 && wait <= 60, `${wait}`);
  const { error } = await answer.json();
  assert.equal(error.type, "rate_limit_error");
  assert.equal(error.code, "rate_limit_exceeded");
  assert.equal(await statusOf(router.ask({ headers: bearer("other-key") })), 200);
  assert.equal(await statusOf(router.get("/v1/models", headers)), 200, "a listing doesn't count");
  const page = await (await router.get("/metrics", headers)).text();
  assert.match(page, /^vllm_router_key_requests_total{key="slow",code="429"} 1$/m);
  assert.equal(server.seen.length, 4);
});

Deno.test("a key's requests in flight are limited, and each one that ends frees a slot", async () => {
  let release = () => {};
  await using server = startRecorder(() =>
    new Promise((resolve) => release = () => resolve(Response.json({})))
  );
  await using router = await startGuarded({
    server: server.url,
    tables: auth(`{ name = "narrow", key = "narrow-key", max_in_flight = 1 }`),
  });
  const headers = bearer("narrow-key");
  for (const body of [CHAT, `{"model":"m","stream":true}`]) {
    const before = server.seen.length;
    const first = router.ask({ headers, body });
    await until("the server has the request", () => server.seen.length === before + 1);
    const second = await router.ask({ headers });
    assert.equal(second.status, 429);
    assert.equal(second.headers.get("x-ratelimit-limit-in-flight"), "1");
    assert.equal(second.headers.get("x-ratelimit-remaining-in-flight"), "0");
    assert.equal(second.headers.get("retry-after"), "1");
    await second.body?.cancel();
    release();
    assert.equal(await statusOf(first), 200);
  }
  // Every way a request can end frees its slot.
  assert.equal(await statusOf(router.ask({ headers, body: "no JSON" })), 400);
  assert.equal(await statusOf(router.ask({ headers, body: `{"model":"none"}` })), 404);
  const gone = new AbortController();
  const left = fetch(`${router.url}/v1/completions`, {
    method: "POST",
    headers,
    body: CHAT,
    signal: gone.signal,
  });
  await until("the server has the request", () => server.seen.length === 3);
  gone.abort();
  await assert.rejects(left);
  await until("the slot is free", async () => {
    const status = statusOf(router.ask({ headers }));
    await Promise.race([status, until("the server has the request", () => server.seen.length > 3)]);
    release();
    return await status === 200;
  });
  release();
});

Deno.test("logs and metrics have the names of keys, never the keys", async () => {
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

Deno.test("a key file is reloaded when it is edited or replaced; a bad one changes nothing", async () => {
  await using server = startRecorder();
  const keys = (...entries: string[]) => `api_keys = [${entries}]\n`;
  await using router = await startGuarded({
    server: server.url,
    tables: `[auth]\napi_keys_file = "keys.toml"\napi_keys = ["inline-key-"]`,
    files: { "keys.toml": keys(`"first-key-"`) },
  });
  const status = (key: string) => statusOf(router.ask({ headers: bearer(key) }));
  const isIn = async (key: string) => await status(key) === 200;
  assert.deepEqual([await status("first-key-"), await status("second-key-")], [200, 401]);

  await router.write("keys.toml", keys(`"second-key-"`));
  await until("the edit takes effect", () => isIn("second-key-"));
  assert.equal(await status("first-key-"), 401);

  await router.replace("keys.toml", keys(`{ name = "x", key = "${writtenHash("third-key-")}" }`));
  await until("the replacement takes effect", () => isIn("third-key-"));
  assert.equal(await status("second-key-"), 401);

  // An invalid file changes nothing, and its problem is logged without its content.
  await router.replace("keys.toml", `api_keys = ["fourth-key-", secret`);
  await until("the problem is logged", () => /not valid TOML/.test(router.log()));
  assert.deepEqual([await status("third-key-"), await status("fourth-key-")], [200, 401]);
  await Deno.remove(`${router.folder}/keys.toml`);
  await until("the problem is logged", () => /no such file/.test(router.log()));
  assert.equal(await status("third-key-"), 200);
  assert.doesNotMatch(router.log(), /fourth|secret/);

  await router.write("keys.toml", keys());
  await until("the key is revoked", async () => !await isIn("third-key-"));
  assert.equal(await status("inline-key-"), 200);
});

Deno.test("an empty list of keys denies everyone, and revokes previous keys", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: `[auth]\napi_keys_file = "keys.toml"`,
    files: { "keys.toml": "api_keys = []" },
  });
  assert.equal(await statusOf(router.ask()), 401);
  assert.equal(await statusOf(router.ask({ headers: bearer("") })), 401);
  await router.write("keys.toml", `api_keys = ["one-key-"]`);
  await until(
    "let in",
    async () => await statusOf(router.ask({ headers: bearer("one-key-") })) === 200,
  );
  await router.write("keys.toml", "api_keys = []");
  await until(
    "out",
    async () => await statusOf(router.ask({ headers: bearer("one-key-") })) === 401,
  );
});

Deno.test("a key from a variable or hash is valid despite a trailing newline", async () => {
  Deno.env.set("KEYS_TEST_KEY", "from-the-environment\n");
  Deno.env.set("KEYS_TEST_HASH", `${writtenHash("only-its-hash")}\r\n`);
  try {
    await using server = startRecorder();
    await using router = await startGuarded({
      server: server.url,
      serverKeys: `api_key = "\${KEYS_TEST_KEY}"`,
      tables: auth(`"\${KEYS_TEST_KEY}", "\${KEYS_TEST_HASH}", " with-blanks\\t"`),
    });
    for (const key of ["from-the-environment", "only-its-hash", "with-blanks"]) {
      assert.equal(await statusOf(router.ask({ headers: bearer(key) })), 200, key);
    }
    assert.equal(server.seen[0]!.headers.get("authorization"), "Bearer from-the-environment");
  } finally {
    Deno.env.delete("KEYS_TEST_KEY");
    Deno.env.delete("KEYS_TEST_HASH");
  }
});

Deno.test("the first wrong key of an address is logged at once, later ones as a count", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good-key"`) });
  for (let i = 0; i < 30; i++) {
    assert.equal(await statusOf(router.ask({ headers: bearer(`guess-${i}`) })), 401);
    assert.equal(await statusOf(router.get("/v1/models", { "api-key": `guess-${i}` })), 401);
  }
  await statusOf(router.ask());
  await statusOf(router.ask({ headers: { ...bearer("none"), "x-api-key": "good-key" } }));
  const told = () => router.log().split("\n").filter((line) => /Wrong keys/.test(line));
  await until("the first is logged", () => told().length === 1);
  await router.gateway.shutdown(0);
  await until("the others are logged", () => told().length === 2);
  const lines = told().map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ level, client, count }) => [level, client, count]), [
    ["warning", "127.0.0.1", 1],
    ["warning", "127.0.0.1", 59],
  ]);
  assert.doesNotMatch(router.log(), /guess/);
});

Deno.test("a reload to an empty list of keys denies everyone; one that disables keys is a prominent warning", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: auth(`"good-key"`) });
  const status = (key: string) => statusOf(router.ask({ headers: bearer(key) }));
  assert.equal(await status("good-key"), 200);
  const reload = (tables: string) =>
    router.write("servers.toml", configText({ server: server.url, tables }));
  await reload(auth(""));
  await until("the key is revoked", async () => await status("good-key") === 401);
  assert.doesNotMatch(router.log(), /KEYS/);
  await reload("");
  await until("keys are disabled", async () => await status("bad") === 200);
  await until(
    "told in the log",
    () => /"level":"warning".*"KEYS ARE TURNED OFF/.test(router.log()),
  );
  await until(
    "told on the screens",
    () =>
      router.gateway.view().events.some(({ text, tone }) =>
        tone === "bad" && /KEYS ARE TURNED OFF/.test(text)
      ),
  );
});

Deno.test("misspelt key settings are rejected, as they would grant unintended access", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (
      const [tables, keys, problem] of [
        [`[auth]\napi_key = ["a"]`, "", "auth.api_key: unknown key; did you mean api_keys?"],
        [
          auth(`{ name = "a", key = "key-of-a", model = ["m"] }`),
          "",
          "auth.api_keys[0].model: unknown key; did you mean models?",
        ],
        [
          `[auth]\napi_keys_file = "keys.toml"`,
          `api_keys = [{ name = "a", key = "key-of-a", max_inflight = 1 }]`,
          "keys.toml api_keys[0].max_inflight: unknown key; did you mean max_in_flight?",
        ],
        [
          auth(`"sha256:123"`),
          "",
          "auth.api_keys[0]: expected 64 hexadecimal digits after sha256:",
        ],
        [
          auth(`{ name = "a", key = "key-of-a-1" }, { name = "a", key = "key-of-a-2" }`),
          "",
          "auth: expected unique key names, got a twice",
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
