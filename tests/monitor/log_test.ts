import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { ask } from "../support/fleet.ts";
import { cli } from "../support/cli.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";
import { logLines, startLogging, withFolder } from "./process.ts";

const isAccess = (line: Record<string, unknown>) => "method" in line;

Deno.test("each request is one flat, complete JSON line, and each event is another", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ speed: 20 });
    const server = "gpu-1";
    await Deno.writeTextFile(
      `${folder}/servers.toml`,
      `[servers]\nservers = [{ url = "${simulator.url}", name = "${server}" }]`,
    );
    await using router = await startLogging(folder, []);
    await (await ask(router.url)).text();
    await (await ask(router.url, { stream: true })).text();
    await (await ask(router.url, { model: "other" })).text();
    await (await fetch(`${router.url}/v1/completions`, { method: "POST", body: "no JSON" })).text();
    await (await ask(router.url, { tokens: -1 })).text();
    const lines = () => logLines(router.output()).filter(isAccess);
    await until("five lines", () => lines().length === 5);

    for (const line of lines()) {
      const isRejected = line["outcome"] === "rejected";
      const names = Object.keys(line).filter((name) => name !== "message").sort();
      assert.deepEqual(names, [
        "attempts",
        "bytes",
        "client",
        "completionTokens",
        "durationMs",
        ...(isRejected ? ["error"] : []),
        "firstTokenMs",
        "id",
        "level",
        "method",
        "model",
        "outcome",
        "path",
        "promptTokens",
        "server",
        "status",
        "stream",
        "time",
      ]);
      assert.match(line["id"] as string, /./);
      assert.equal(new Date(line["time"] as string).toISOString(), line["time"]);
      assert.ok(Number.isInteger(line["durationMs"]));
      for (const value of Object.values(line)) {
        assert.ok(value === null || typeof value !== "object", "flat");
      }
    }
    const [document, stream, unknown, malformed, refused] = lines();
    const common = { client: "127.0.0.1", method: "POST", level: "info" };
    const asked = { ...common, path: "/v1/chat/completions" };
    const served = { ...asked, model: "simulated-model", server, attempts: 1, status: 200 };
    const ok = { ...served, outcome: "ok" };
    assertHas(document!, { ...ok, stream: false, firstTokenMs: null, completionTokens: 5 });
    assert.ok(Number(document!["promptTokens"]) > 0 && Number(document!["bytes"]) > 0);
    // The stream didn't ask for usage.
    assertHas(stream!, { ...ok, stream: true, promptTokens: null, completionTokens: null });
    assert.ok(Number.isInteger(stream!["firstTokenMs"]));
    const rejected = { server: null, attempts: 0, outcome: "rejected", firstTokenMs: null };
    const error = "The model `other` does not exist.";
    assertHas(unknown!, { ...asked, ...rejected, model: "other", status: 404, error });
    assertHas(malformed!, {
      ...common,
      ...rejected,
      path: "/v1/completions",
      model: null,
      status: 400,
    });
    assertHas(refused!, { ...served, status: 400, outcome: "client_error" });
    assert.match(String(refused!["message"]), /^400 client_error POST /);
    const events = logLines(router.output()).filter((line) => !isAccess(line));
    assert.deepEqual(events.map(({ from, to }) => [from, to]), [["checking", "healthy"]]);
    assertHas(events[0]!, { server, url: simulator.url });
    assert.equal(
      router.output().split(simulator.url).length,
      3,
      "logged once, in the message and as a property",
    );
  }));

Deno.test("at level debug, a routing decision is one line with the terms of each server", () =>
  withFolder(async (folder) => {
    await using one = await startSimulator({ speed: 20 });
    await using other = await startSimulator({ speed: 20 });
    const servers = [one, other].map(({ url }) => url);
    const args = [...servers.flatMap((url) => ["--server", url]), "--log-level", "debug"];
    await using router = await startLogging(folder, args);
    await (await ask(router.url, { stream: true, content: "SECRET ".repeat(200) })).text();
    const choices = () => logLines(router.output()).filter((line) => "candidates" in line);
    const access = () => logLines(router.output()).find(isAccess);
    await until("both lines exist", () => choices().length > 0 && access() !== undefined);

    const [choice, ...more] = choices();
    assert.deepEqual(more, []);
    const { time: _, message, candidates, ...told } = choice!;
    const { id, server } = told;
    assert.deepEqual(told, { level: "debug", id, policy: "least_work", server });
    assert.equal(id, access()!.id);
    const names = servers.map((url) => new URL(url).host);
    assert.ok(names.includes(String(server)));
    const terms = String(candidates).split("; ");
    assert.deepEqual(terms.map((term) => term.split(": ")[0]), names);
    for (const term of terms) {
      assert.match(
        term,
        /: cost \d\.\d{3} s, first token in \d\.\d{3} s, 0 tokens pending, (\d{3}) of \1 own, \d+ tokens\/s, 0 ahead of a seat, load 0\.00$/,
      );
    }
    assert.equal(message, `Request ${id} goes to ${server} by least_work: ${candidates}`);
    assert.doesNotMatch(router.output(), /SECRET/);
  }));

Deno.test("client disconnects and server failures are distinguished", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ interTokenMs: 50 });
    await using router = await startLogging(folder, ["--server", simulator.url]);
    const gone = new AbortController();
    const left = await ask(router.url, { stream: true, tokens: 1_000, signal: gone.signal });
    const reader = left.body!.getReader();
    await reader.read();
    gone.abort();
    await reader.read().catch(() => {});
    const lines = () => logLines(router.output()).filter(isAccess);
    await until("its line", () => lines().length === 1);
    assertHas(lines()[0]!, { outcome: "client_closed", status: 200, stream: true });

    await simulator.setFault({ kind: "status", status: 500 });
    await (await ask(router.url)).text();
    await until("the next line", () => lines().length === 2);
    assertHas(lines()[1]!, { outcome: "upstream_error", reason: "bad_status", status: 500 });

    await simulator.setFault({ kind: "reset_before_head" });
    assert.equal((await (await ask(router.url)).json()).error.code, "servers_failed");
    await until("the last line", () => lines().length === 3);
    const failed = { outcome: "upstream_error", attempts: 1, status: 502, level: "warning" };
    const lastServer = new URL(simulator.url).host;
    assertHas(lines()[2]!, { ...failed, server: null, lastServer });
    assert.match(
      String(lines()[2]!["message"]),
      new RegExp(`^502 upstream_error POST \\S+ \\S+, last asked ${lastServer}, in \\d+ ms$`),
    );
  }));

Deno.test("no line contains a prompt, an answer, a key or a query", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ speed: 20, apiKey: "SECRET-server-key" });
    await Deno.writeTextFile(
      `${folder}/servers.toml`,
      `[servers]\nservers = [{ url = "${simulator.url}", api_key = "SECRET-server-key" }]
[config]\nhealth_check_interval = 0.1\nrequest_timeout = 1`,
    );
    const args = ["--log-level", "debug", "--log-file", "logs/router.log"];
    await using router = await startLogging(folder, args);
    const send = async (body: string, path = "/v1/chat/completions") => {
      const response = await fetch(`${router.url}${path}?token=SECRET-query`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: "Bearer SECRET-client-key",
          cookie: "session=SECRET-cookie",
          "x-marked": "SECRET-header",
        },
        body,
      });
      return await response.text();
    };
    const body = (more: object) =>
      JSON.stringify({
        model: "simulated-model",
        messages: [{ role: "user", content: "SECRET-prompt" }],
        user: "SECRET-user",
        max_tokens: 5,
        ...more,
      });
    const answers = [await send(body({})), await send(body({ stream: true }))];
    await send(body({ max_tokens: "SECRET-number" }));
    await send(body({ model: "other" }));
    await send('{"messages": "SECRET-broken');
    await send(body({}), "/v1/nowhere");
    for (const kind of ["reset_before_head", "truncated", "error_event", "sleeping"] as const) {
      await simulator.setFault({ kind });
      await send(body({ stream: true }));
      await send(body({}));
    }
    router.kill("SIGTERM");
    assert.equal((await router.status).code, 0);
    const file = await Deno.readTextFile(`${folder}/logs/router.log`);
    assert.ok(logLines(file).filter(isAccess).length >= 12);
    const words = /"content":"([^"]{8,})"/.exec(answers[0]!)![1]!;
    for (const text of [file, router.output()]) {
      assert.doesNotMatch(text, /SECRET/);
      assert.ok(!text.includes(words), "no part of an answer");
    }
  }));

Deno.test("a log file contains the console's JSON lines, and a restart appends", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ speed: 20 });
    const args = ["--server", simulator.url, "--log-file", "logs/deep/router.log"];
    for (let run = 1; run <= 2; run++) {
      await using router = await startLogging(folder, args);
      await (await ask(router.url)).text();
      router.kill("SIGTERM");
      assert.equal((await router.status).code, 0);
      const file = logLines(await Deno.readTextFile(`${folder}/logs/deep/router.log`));
      assert.equal(file.filter(isAccess).length, run);
      const console = logLines(router.output());
      assert.deepEqual(file.slice(-console.length), console);
    }
  }));

Deno.test("after SIGHUP a moved log file is no longer written to, and no line is lost under load", () =>
  withFolder(async (folder) => {
    const [REQUESTS, MOVES] = [300, 3];
    await using simulator = await startSimulator({ speed: 200, maxNumSeqs: 64 });
    await Deno.writeTextFile(
      `${folder}/servers.toml`,
      `[servers]\nservers = [{ url = "${simulator.url}", max_concurrent_requests = 64 }]`,
    );
    await using router = await startLogging(folder, ["--log-file", "logs/router.log"]);
    const path = `${folder}/logs/router.log`;
    const read = async (name: string) => logLines(await Deno.readTextFile(name));
    const ids = async (name: string) => (await read(name)).filter(isAccess).map(({ id }) => id);
    const reloads = () =>
      logLines(router.output()).filter(({ message }) =>
        /^Configuration reloaded/.test(`${message}`)
      );
    let answered = 0;
    const askAll = async () => {
      while (answered < REQUESTS) {
        answered++;
        await (await ask(router.url, { tokens: 1 })).text();
      }
    };
    const asking = Promise.all(Array.from({ length: 8 }, askAll));
    const sizes: number[] = [];
    for (let move = 1; move <= MOVES; move++) {
      await until("some more requests", () => answered >= move * REQUESTS / (MOVES + 1), 20_000);
      await Deno.rename(path, `${path}.${move}`);
      router.kill("SIGHUP");
      await until("the reload", () => reloads().length === move);
      await until("a new file with a line", async () => {
        const stat = await Deno.stat(path).catch(() => undefined);
        return stat !== undefined && stat.size > 0;
      });
      sizes.push((await Deno.stat(`${path}.${move}`)).size);
    }
    await asking;
    router.kill("SIGTERM");
    assert.equal((await router.status).code, 0);

    const moved = Array.from({ length: MOVES }, (_, i) => `${path}.${i + 1}`);
    assert.deepEqual(
      await Promise.all(moved.map(async (name) => (await Deno.stat(name)).size)),
      sizes,
    );
    const perFile = await Promise.all([...moved, path].map(ids));
    for (const some of perFile) assert.ok(some.length > 0);
    const all = perFile.flat();
    assert.equal(all.length, answered);
    assert.equal(new Set(all).size, answered);
  }));

Deno.test("a router with its usual permissions rotates a full file", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/logs`);
    await Deno.writeTextFile(`${folder}/logs/router.log`, "");
    await Deno.truncate(`${folder}/logs/router.log`, 50 * 1024 * 1024);
    await using simulator = await startSimulator({ speed: 20 });
    const args = ["--server", simulator.url, "--log-file", "logs/router.log"];
    await using router = await startLogging(folder, args);
    const files = () => [...Deno.readDirSync(`${folder}/logs`)].map(({ name }) => name);
    await until("it is rotated", () => files().some((name) => name.endsWith(".gz")), 20_000);
    await (await ask(router.url)).text();
    router.kill("SIGTERM");
    assert.equal((await router.status).code, 0);
    assert.doesNotMatch(router.output(), /error/);
    const lines = logLines(await Deno.readTextFile(`${folder}/logs/router.log`));
    assert.equal(lines.filter(isAccess).length, 1);
  }));

Deno.test("an unwritable log file means a one-line error and exit code 1", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    for (const path of [`${folder}/file/router.log`, `${folder}/elsewhere.log`]) {
      const args = ["run", "--port", "0", "--server", "http://gpu-1:8000", "--log-file", path];
      const { code, stdout, stderr } = await cli(args, { cwd: folder });
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /^error: [^\n]*(router|elsewhere)\.log can't be written[^\n]*\n$/);
    }
  }));

Deno.test("a reload changes the level without a restart", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ speed: 20 });
    const servers = `[servers]\nservers = [{ url = "${simulator.url}" }]`;
    let edits = 0;
    /** Each edit sets a number that `/health` shows, which indicates when the edit is in effect. */
    const write = (level: string) =>
      Deno.writeTextFile(
        `${folder}/servers.toml`,
        `${servers}\n[config]\n${level}\nhealth_check_interval = ${100 + ++edits}\n`,
      );
    const inEffect = () =>
      until("the edit is in effect", async () => {
        const { config } = await (await fetch(`${router.url}/health`)).json();
        return config.health_check_interval === 100 + edits;
      });
    await write('log_level = "error"');
    await using router = await startLogging(folder, []);
    const lines = () => logLines(router.output());

    await (await ask(router.url)).text();
    await write('log_level = "info"');
    await inEffect();
    await (await ask(router.url, { tokens: 2 })).text();
    await until("a line", () => lines().some(isAccess));
    assert.deepEqual(tokensOf(lines()), [2], "no line of the previous request");

    await write('log_level = "WARNING"');
    await inEffect();
    await (await ask(router.url, { tokens: 3 })).text();
    // If the file sets no level, the command line's level is in effect again.
    await write("");
    await inEffect();
    await (await ask(router.url, { tokens: 4 })).text();
    await until("another line", () => tokensOf(lines()).includes(4));
    assert.deepEqual(tokensOf(lines()), [2, 4]);
  }));

/** The token counts, which identify the requests. */
function tokensOf(lines: readonly Record<string, unknown>[]): unknown[] {
  return lines.filter(isAccess).map(({ completionTokens }) => completionTokens);
}

Deno.test("a server that stays down produces only a few lines", () =>
  withFolder(async (folder) => {
    const checks = { asked: 0 };
    const well = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
      if (url.endsWith("/health")) checks.asked++;
      return url.endsWith("/v1/models")
        ? Response.json({ object: "list", data: [{ id: "m", object: "model" }] })
        : new Response("");
    });
    const dead = deadUrl();
    await Deno.writeTextFile(
      `${folder}/servers.toml`,
      `[servers]\nservers = [{ url = "${dead}" }, { url = "http://127.0.0.1:${well.addr.port}" }]
[config]\nhealth_check_interval = 0.01\nmetrics_interval = 0.01\n`,
    );
    await using router = await startLogging(folder, ["--log-level", "debug"]);
    const checksOfDead = async () => {
      const { servers } = await (await fetch(`${router.url}/health`)).json();
      return servers[0].total_checks;
    };
    await until("100 checks of the dead one", async () => await checksOfDead() >= 100, 20_000);
    const { host } = new URL(dead);
    const about = logLines(router.output()).filter(({ server }) => server === host);
    assert.deepEqual(about.map(({ from, to }) => [from, to]), [["checking", "unhealthy"]]);
    // Requests that this test itself makes are logged at level debug.
    const told = logLines(router.output()).filter(({ level }) => level !== "debug");
    assert.ok(told.length <= 4, `${told.length} lines`);
    await well.shutdown();
  }));

function assertHas(line: Record<string, unknown>, expected: Record<string, unknown>): void {
  const found = Object.keys(expected).map((name) => [name, line[name]]);
  assert.deepEqual(Object.fromEntries(found), expected);
}

Deno.test("requests that the router answers itself are logged at level debug only", () =>
  withFolder(async (folder) => {
    for (const level of ["debug", "info"]) {
      await using router = await startLogging(folder, [
        ...["--server", deadUrl(), "--log-level", level],
      ]);
      await (await fetch(`${router.url}/livez?token=SECRET`)).body?.cancel();
      await (await fetch(`${router.url}/nowhere`)).body?.cancel();
      router.kill("SIGTERM");
      await router.status;
      const answered = logLines(router.output()).filter((line) => line["level"] === "debug");
      assert.deepEqual(
        answered.map(({ message }) => message),
        level === "debug" ? ["200 GET /livez", "404 GET /nowhere"] : [],
      );
    }
  }));
