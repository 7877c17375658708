import assert from "node:assert/strict";
import { startSimulator } from "../../../src/simulator/simulator.ts";
import { MODEL } from "../../support/fleet.ts";
import { deadUrl } from "../../support/upstream.ts";
import { startCommand } from "./session.ts";
import { hasTmux, type TerminalOptions } from "./tmux.ts";

const ignore = !hasTmux();
const KEY = "sk-alice-0123456789abcdef0123456789";

/** Runs the router in a terminal, with two simulated servers, the second of which may end. */
async function startRun(options: TerminalOptions = {}) {
  const [first, second] = [
    await startSimulator({ speed: 20 }),
    await startSimulator({ speed: 20 }),
  ];
  const folder = await Deno.makeTempDir();
  const entry = (name: string, url: string) =>
    `[[servers.servers]]\nname = "${name}"\nurl = "${url}"\nmax_concurrent_requests = 8\n`;
  await Deno.writeTextFile(
    `${folder}/servers.toml`,
    entry("gpu-1", first.url) + entry("gpu-2", second.url) +
      `[config]\nhealth_check_interval = 0.2\nhealth_check_timeout = 1\n` +
      `[auth]\napi_keys = [{ name = "alice", key = "${KEY}" }]\n`,
  );
  const url = deadUrl();
  const session = await startCommand(
    `run --host 127.0.0.1 --port ${new URL(url).port} --config ${folder}/servers.toml`,
    options,
  );
  return {
    ...session,
    url,
    first,
    second,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await Promise.all([first.close(), second.close()]);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test(
  { name: "a dead fleet is told in red, and the row of each server says why", ignore },
  async () => {
    await using run = await startRun();
    await run.sees("2 of 2 healthy", /^ Requests\/s +▁/m);
    await run.second.close();
    await run.sees("1 of 2 healthy", /gpu-2 +unhealthy +for \d+ s: .+/);
    await run.missesAll("No server is healthy");
    await run.first.close();
    await run.sees(/^ ✖ No server is healthy for \d+ s, since \d\d:\d\d:\d\d: clients get 503/);
    await run.terminal.resize(80, 8);
    await run.sees(/^ ✖ No server is healthy for \d+ s.*\n 0 of 2 healthy(?:.*\n){6} q quit/);
    await run.terminal.resize(80, 24);
    await run.sees("Events");
    run.kill("SIGTERM");
    await run.endsRestored(0);
  },
);

Deno.test(
  { name: "pages open and close, and the selection stays at its server", ignore },
  async () => {
    await using run = await startRun();
    await run.sees("2 of 2 healthy");
    const answer = await fetch(`${run.url}/v1/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, prompt: "Hello", stream: true, max_tokens: 5 }),
    });
    await answer.text();
    await run.terminal.press("Down", "j");
    await run.sees(/^>2 +gpu-2 /m);
    await run.terminal.press("Enter");
    await run.sees(
      /^ gpu-2 +http:\S+ +vllm/m,
      "Models        " + MODEL,
      "Learned pace",
      "Prefix cache",
    );
    await run.terminal.resize(160, 50);
    await run.sees(/^ Checks +\d+, 100% passed lately, 0 failed in a row, mean \d+ ms/m);
    await run.terminal.resize(80, 24);
    await run.terminal.press("k");
    await run.terminal.press("q");
    await run.sees(/^>2 +gpu-2 /m);

    await run.second.close();
    await run.sees(/gpu-2 +unhealthy/);
    await run.terminal.press("s");
    await run.sees(/▾state[^]*^>2 +gpu-2 .*\n 1 +gpu-1 /m);

    await run.terminal.press("m");
    await run.sees(RegExp(`^ ${MODEL} +1 of 2 +\\S+ +0% +\\d+ ms`, "m"));
    await run.terminal.press("a");
    await run.sees(/^ API key +requests/m, /^ alice +1 /m);
    await run.terminal.press("Escape");
    await run.sees(/^>2 +gpu-2 /m);
    await run.terminal.press("q");
    await run.endsRestored(0);
  },
);

Deno.test({ name: "a terminal without UTF-8 gets ASCII", ignore }, async () => {
  await using run = await startRun({ env: { LC_ALL: "C" } });
  await run.sees("2 of 2 healthy", /^ Requests\/s +_+/m, "q quit", "^v select");
  // deno-lint-ignore no-control-regex
  assert.match(await run.terminal.capture(), /^[\x00-\x7f]*$/);
  run.kill("SIGTERM");
  await run.endsRestored(0);
});
