import assert from "node:assert/strict";
import { writtenHash } from "../../src/config/key_hash.ts";
import { until } from "../support/until.ts";
import { createAuthority } from "./certificates.ts";
import { configText, startRecorder } from "./guarded.ts";
import { connectRaw } from "./raw_client.ts";
import { startProcess } from "./process.ts";

/** Text that must not appear anywhere. */
const MARK = "marked";
const KEYS = {
  inline: "marked-router-key-inline",
  fromEnv: "marked-router-key-by-environment",
  inFile: "marked-router-key-in-a-file",
  hashed: "marked-router-key-by-its-hash",
  server: "marked-server-key",
};
const PROMPT = "marked-prompt";
const ANSWER = "marked-answer";

/** Returns the secrets that a text contains, in plain, encoded or hashed form. */
function found(text: string, privateKey: string): string[] {
  const lines = privateKey.split("\n").filter((line) => line.length > 20 && !line.includes("---"));
  const encoded = Object.values(KEYS).map((key) => btoa(key).replace(/=+$/, ""));
  const hashes = Object.values(KEYS).map((key) => writtenHash(key).slice("sha256:".length));
  return [MARK, "BEGIN PRIVATE", ...lines, ...encoded, ...hashes]
    .filter((secret) => text.includes(secret));
}

const servers = (server: string, tables: string) =>
  configText({
    server,
    serverKeys: `api_key = "\${SERVER_KEY}"`,
    settings: "failure_threshold = 10000",
    tables,
  });

Deno.test("logs, errors, pages, metrics, the command line and crashes contain no key and no prompt", async (t) => {
  const folder = await Deno.makeTempDir();
  const { cert, key: privateKey } = await (await createAuthority()).issue();
  let answers = 0;
  await using server = startRecorder(() => {
    const stream = { headers: { "content-type": "text/event-stream" } };
    switch (answers++ % 6) {
      case 0:
        return Response.json({ choices: [{ message: { content: ANSWER } }] });
      case 1:
        return new Response(`data: {"choices":[{"text":"${ANSWER}"}]}\n\ndata: [DONE]\n\n`, stream);
      case 2:
        return new Response(ANSWER, { status: 500, headers: { "x-answer": ANSWER } });
      case 3:
        return Response.json({ error: { message: ANSWER } }, { status: 400 });
      case 4:
        return new Response(ANSWER, { status: 429 });
      default:
        // The stream ends without its last event.
        return new Response(`data: {"choices":[{"text":"${ANSWER}"}]}\n\n`, stream);
    }
  });
  const auth = (more = "") =>
    `[auth]
api_keys_file = "keys.toml"
api_keys = [
  { name = "inline", key = "${KEYS.inline}" },
  { name = "hashed", key = "${writtenHash(KEYS.hashed)}", models = ["m"] },
  "\${ROUTER_KEY}",${more}
]`;
  const files: Record<string, string> = {
    "servers.toml": servers(server.url, auth()),
    "keys.toml": `api_keys = ["${KEYS.inFile}"]`,
    "cert.pem": cert,
    "key.pem": privateKey,
  };
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const outputs: Record<string, string> = {};
  try {
    await using router = await startProcess({
      cwd: folder,
      args: ["--log-file", "logs/router.log", "--log-level", "debug"],
      env: { ROUTER_KEY: KEYS.fromEnv, SERVER_KEY: KEYS.server },
    });
    const { url } = router;
    const ask = async (headers: Record<string, string>, body: string, path = "/v1/completions") => {
      const answer = await fetch(url + path, { method: "POST", headers, body });
      const text = await answer.text().catch(String);
      // The server's own text is passed on; the router adds no secrets.
      const own = text.replaceAll(ANSWER, "").replaceAll(`"x-answer"`, "");
      outputs[`${path} ${answer.status}`] = own;
      return answer.status;
    };
    const prompt = JSON.stringify({ model: "m", messages: [{ content: PROMPT }], user: PROMPT });
    for (const key of [KEYS.inline, KEYS.fromEnv, KEYS.inFile, KEYS.hashed]) {
      for (let i = 0; i < 6; i++) {
        await ask({ authorization: `Bearer ${key}` }, prompt);
        await ask({ "x-api-key": key }, prompt, `/v1/chat/completions?${PROMPT}=${key}`);
      }
      // All kinds of invalid requests.
      const headers = { authorization: `Bearer ${key}` };
      assert.equal(await ask({ authorization: `Bearer ${key}x` }, prompt), 401);
      assert.equal(await ask({ authorization: `Basic ${btoa(`a:${key}`)}` }, prompt), 401);
      assert.equal(await ask({ authorization: key }, prompt), 401);
      assert.equal(await ask(headers, `{"messages":"${PROMPT}`), 400);
      assert.equal(await ask(headers, `["${PROMPT}"]`), 400);
      await ask({ ...headers, "content-type": "multipart/form-data; boundary=b" }, PROMPT);
      await ask({ ...headers, "x-request-id": "an-id", cookie: key }, prompt);
    }
    await using raw = await connectRaw(Number(new URL(url).port));
    await raw.send(`POST /v1/completions HTTP/1.1\r\nX: ${PROMPT}\x01\r\n${KEYS.inline}\r\n\r\n`);
    outputs["what the parser refuses"] = await raw.closed();

    // Invalid configurations, with keys in the wrong places.
    const problems = () => router.output().split("was not applied").length;
    for (
      const text of [
        `api_keys = [${KEYS.inline}]`,
        `[auth]\napi_keys = ["${KEYS.inline}`,
        servers(server.url, `[auth]\napi_keys = "${KEYS.inline}"`),
        servers(server.url, `[auth]\napi_keys = [["${KEYS.inline}"]]`),
        servers(server.url, `[auth]\napi_keys = [{ key = "${KEYS.inline}" }]`),
        servers(server.url, `[auth]\napi_keys = [{ name = 1, key = "${KEYS.inline}" }]`),
        servers(server.url, auth(`{ name = "inline", key = "${KEYS.inline}" }`)),
        servers(server.url, auth(`"sha256:${KEYS.inline}"`)),
        `auth = "${KEYS.inline}"\n${servers(server.url, "")}`,
        servers(server.url, `[tls]\ncert = "cert.pem"\nkey = """\n${privateKey}"""`),
        configText({ server: server.url, serverKeys: `api_key = ["${KEYS.server}"]` }),
        configText({ server: `http://user:${KEYS.server}@127.0.0.1:9` }),
      ]
    ) {
      const before = problems();
      await write("servers.toml", text);
      await until("the configuration is rejected", () => problems() > before);
    }
    const before = problems();
    await write("servers.toml", files["servers.toml"]!);
    await write("keys.toml", `api_keys = ["${KEYS.inFile}"`);
    await until("the configuration is rejected", () => problems() > before);
    await write("keys.toml", files["keys.toml"]!);
    const reloads = () => router.output().split("Configuration reloaded").length;
    const reloaded = reloads();
    // Enabling TLS takes effect after a restart.
    const withTls = `${auth()}\n[tls]\ncert = "cert.pem"\nkey = "key.pem"`;
    await write("servers.toml", servers(server.url, withTls));
    await until("the configuration takes effect", () => reloads() > reloaded);

    const headers = { authorization: `Bearer ${KEYS.inline}` };
    for (
      const path of [
        "/health",
        "/load-stats",
        "/server-models",
        "/metrics",
        "/dashboard/view",
        "/dashboard/history",
        "/v1/models",
        "/",
        "/nowhere",
      ]
    ) outputs[path] = await (await fetch(url + path, { headers })).text();
    for (const name of ["cmdline", "comm", "stat", "status"]) {
      outputs[`/proc/${name}`] = await Deno.readTextFile(`/proc/${router.pid}/${name}`);
    }

    router.kill("SIGABRT");
    const { signal } = await router.status;
    assert.equal(signal, "SIGABRT");
    outputs["what it wrote"] = router.output();
    outputs["the log file"] = await Deno.readTextFile(`${folder}/logs/router.log`);
    // The outputs are not empty.
    assert.match(outputs["what it wrote"], /"key":"inline"/);
    assert.match(outputs["the log file"], /"status":401|401 POST/);
    assert.match(outputs["/metrics"]!, /key_requests_total{key="hashed"/);

    for (const [name, text] of Object.entries(outputs)) {
      await t.step(name, () => assert.deepEqual(found(text, privateKey), []));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a router that fails to start doesn't show its keys", async () => {
  const folder = await Deno.makeTempDir();
  const { key: privateKey, cert } = await (await createAuthority()).issue();
  try {
    await Deno.writeTextFile(`${folder}/key.pem`, privateKey.replaceAll("M", "N"));
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    for (
      const text of [
        servers("http://127.0.0.1:9", `[auth]\napi_keys = ["${KEYS.inline}", 3]`),
        servers("http://127.0.0.1:9", `[tls]\ncert = "cert.pem"\nkey = "key.pem"`),
        `api_keys = [${KEYS.inline}]`,
      ]
    ) {
      await Deno.writeTextFile(`${folder}/servers.toml`, text);
      const failed = await startProcess({
        cwd: folder,
        args: [],
        env: { SERVER_KEY: KEYS.server },
      }).then(() => "it started", String);
      assert.match(failed, /It ended: error: /);
      assert.deepEqual(found(failed, privateKey), []);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
