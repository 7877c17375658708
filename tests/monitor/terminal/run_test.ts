import assert from "node:assert/strict";
import { startSimulator } from "../../../src/simulator/simulator.ts";
import { ask, MODEL } from "../../support/fleet.ts";
import { until } from "../../support/until.ts";
import { deadUrl } from "../../support/upstream.ts";
import { startCommand } from "./session.ts";
import { hasTmux, type TerminalOptions } from "./tmux.ts";

const ignore = !hasTmux();

/** Runs the router in a terminal, with one simulated server and one that does not exist. */
async function startRun(options?: TerminalOptions & { flags?: string; speed?: number }) {
  const simulator = await startSimulator({ speed: options?.speed ?? 20 });
  const url = deadUrl();
  const session = await startCommand(
    `run --host 127.0.0.1 --port ${new URL(url).port} ${options?.flags ?? ""} ` +
      `--server ${simulator.url}=8 --server ${deadUrl()}`,
    options,
  );
  return {
    ...session,
    url,
    simulator,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await simulator.close();
    },
  };
}

Deno.test({ name: "on a terminal run shows the fleet, and q restores it", ignore }, async () => {
  await using run = await startRun({ flags: "--model", columns: 180 });
  await run.sees("vllm-router ", run.url, "1 of 2 healthy", "unhealthy", "Events", "q quit", MODEL);
  await (await ask(run.url, { stream: true })).text();
  await run.sees(/TTFT p95/, / healthy +0 +0 +8 +░+ +0% .*\d+ ms/);
  const coloured = await run.terminal.capture({ colours: true });
  // Struck through and red, in any order that tmux reports.
  assert.match(coloured, /\[9m[^ ]*\[31m127\.0\.0\.1:/);
  assert.match(coloured, /\[31munhealthy/);
  assert.deepEqual(await run.terminal.state(), { alternate: true, cursor: false, wraps: false });
  await run.terminal.press("q");
  await run.endsRestored(0);
  // Log lines written while the screen was open went elsewhere.
  assert.doesNotMatch(await run.terminal.capture(), /unhealthy|warning/);
});

Deno.test({ name: "waiting prompts are a backlog until they are computed", ignore }, async () => {
  await using run = await startRun({ columns: 160, speed: 0.1 });
  await run.sees("1 of 2 healthy", "backlog", "   0 tokens to prefill");
  const content = "And what comes then? ".repeat(100);
  const asked = Array.from(
    { length: 8 },
    async (_, i) => (await ask(run.url, { stream: true, content: `${i}. ${content}` })).text(),
  );
  await run.sees(/ {3}[1-9],\d{3} tokens to prefill/, /healthy .* [1-9],\d{3} /);
  await Promise.all(asked);
  await run.sees("   0 tokens to prefill");
  run.kill("SIGTERM");
  await run.endsRestored(0);
});

Deno.test({ name: "it follows the terminal's size and responds to keys", ignore }, async () => {
  await using run = await startRun();
  await run.sees("run", "1 of 2 healthy", "unhealthy");
  await run.missesAll("prefix hits");
  await run.terminal.resize(160, 30);
  await run.sees("prefix hits", /tokens\/s +errors/);
  await run.terminal.resize(20, 5);
  await run.sees("1 of 2 healthy", "server");
  await run.missesAll("Events");
  await run.terminal.resize(80, 24);
  await run.sees("Events");

  await run.terminal.press("?");
  await run.sees("Keys", "this help");
  await run.terminal.press("Escape");
  await run.missesAll("this help");
  await run.terminal.press("s");
  await run.sees("▾state", /2 +127.*unhealthy[^]*1 +127.*healthy/);
  await run.terminal.press("f");
  await run.sees(/f all .* 1 unhealthy$/m);
  await run.terminal.press("C-c");
  await run.endsRestored(0);
});

Deno.test({ name: "NO_COLOR shows every state without a colour", ignore }, async () => {
  await using run = await startRun({ env: { NO_COLOR: "1" } });
  await run.sees("1 of 2 healthy", "unhealthy", "q quit");
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(await run.terminal.capture({ colours: true }), /\x1b\[[\d;]*m/);
});

Deno.test({ name: "SIGTERM restores the terminal", ignore }, async () => {
  await using run = await startRun();
  await run.sees("1 of 2 healthy");
  run.kill("SIGTERM");
  await run.endsRestored(0);
});

Deno.test({ name: "q lets a request finish before exiting", ignore }, async () => {
  await using run = await startRun({ speed: 1 });
  await run.sees("1 of 2 healthy");
  const answer = await ask(run.url, { stream: true, tokens: 60 });
  await run.terminal.press("q");
  await run.sees("draining, 1 in flight; press q again to exit at once");
  assert.match(await answer.text(), /\[DONE\]\s*$/);
  await run.endsRestored(0);
});

Deno.test({ name: "a second q exits at once", ignore }, async () => {
  await using run = await startRun({ speed: 1 });
  await run.sees("1 of 2 healthy");
  const answer = await ask(run.url, { stream: true, tokens: 1_000 });
  await run.sees(/ healthy +1 +0 /);
  await run.terminal.press("q");
  await run.sees("draining");
  await run.terminal.press("q");
  await run.endsRestored(1);
  await answer.body?.cancel().catch(() => {});
});

Deno.test({ name: "a terminal that disappears leaves the router running", ignore }, async () => {
  await using run = await startRun();
  await run.sees("1 of 2 healthy");
  await run.terminal.close();
  await until("several frames later it still answers", async () => {
    const view = await (await fetch(`${run.url}/dashboard/view`)).json();
    return view.at - view.startedAt > 2_000;
  });
  const answer = await ask(run.url);
  await answer.body?.cancel();
  assert.equal(answer.status, 200);
});

Deno.test({ name: "with --console run writes plain lines", ignore }, async () => {
  await using run = await startRun({ flags: "--console", columns: 160 });
  await run.sees("Listening on", /is '?unhealthy/);
  assert.equal((await run.terminal.state()).alternate, false);
  run.kill("SIGTERM");
  await run.endsRestored(0);
});
