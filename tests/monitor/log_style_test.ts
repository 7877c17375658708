import assert from "node:assert/strict";
import { newServer } from "../../src/fleet/state/server.ts";
import { closeLog, logError, logListener, setLogLevel, setUpLog } from "../../src/monitor/log.ts";
import type { LogOptions } from "../../src/monitor/log.ts";
import { openRecord } from "../../src/proxy/request_record.ts";
import { clientAs } from "../support/client.ts";
import { configOf } from "../support/config.ts";

const server = { url: "http://10.0.0.1:8000", name: "gpu-1" };
const change = { server, from: "healthy", to: "unhealthy", reason: "why" } as const;
const requestRecord = openRecord({
  id: "7",
  client: clientAs({ address: "::1" }),
  method: "POST",
  path: "/v1/x?key=secret",
});

/** Runs `action` and returns the lines written to the console in this style. */
async function written(
  style: LogOptions["console"],
  action: () => void,
  level: LogOptions["level"] = "debug",
): Promise<string[]> {
  const lines: string[] = [];
  const methods = ["debug", "info", "log", "warn", "error"] as const;
  const before = methods.map((method) => console[method]);
  // LogTape captures the console's methods when it is configured.
  for (const method of methods) console[method] = (...parts) => void lines.push(parts.join(" "));
  try {
    await setUpLog({ level, console: style });
    action();
  } finally {
    await closeLog();
    methods.forEach((method, index) => console[method] = before[index]!);
  }
  return lines.flatMap((text) => text.split("\n"));
}

Deno.test("lines of all levels go to stdout", async () => {
  const errors: string[] = [];
  const { warn, error } = console;
  console.warn = console.error = (...parts) => void errors.push(parts.join(" "));
  try {
    await setUpLog({ level: "debug", console: "json" });
    const { log } = console;
    let count = 0;
    console.log = () => void count++;
    logListener.stateChanged!(change);
    logError(new Error("a defect"));
    console.log = log;
    assert.deepEqual([count, errors], [2, []]);
  } finally {
    Object.assign(console, { warn, error });
    await closeLog();
  }
});

Deno.test("the pretty style writes sentences, the JSON style objects", async () => {
  const [pretty, ...more] = await written("pretty", () => logListener.stateChanged!(change));
  assert.deepEqual(more, []);
  assert.throws(() => JSON.parse(pretty!));
  // deno-lint-ignore no-control-regex
  const plain = pretty!.replace(/\x1b\[[0-9;]*m/g, "");
  assert.match(plain, /gpu-1.* is .*unhealthy.*, was .*healthy.*: .*why/);

  const [json] = await written("json", () => logListener.stateChanged!(change));
  const { time: _, ...told } = JSON.parse(json!);
  const message = "gpu-1 is unhealthy, was healthy: why";
  assert.deepEqual(told, { level: "warning", message, ...change, server: "gpu-1" });
});

Deno.test("a server is logged by its name, and the line about its first check includes its address", async () => {
  const first = { ...change, from: "checking", to: "healthy" } as const;
  const [line] = await written("json", () => logListener.stateChanged!(first));
  const { message, server: name, url } = JSON.parse(line!);
  assert.equal(message, "gpu-1 at http://10.0.0.1:8000 is healthy, was checking: why");
  assert.deepEqual({ url, name }, server);
});

Deno.test("nothing is written to the console while the terminal UI is shown", async () => {
  assert.deepEqual(await written("none", () => logListener.stateChanged!(change)), []);
});

Deno.test("the access line omits the query, in either style", async () => {
  for (const style of ["pretty", "json"] as const) {
    const [line] = await written(style, () => logListener.closed!(requestRecord));
    assert.match(line!, /\/v1\/x/);
    assert.doesNotMatch(line!, /secret/);
  }
});

Deno.test("lines below the level are not formatted, which would be expensive with 200 servers", async () => {
  const [config] = configOf([{ url: "http://gpu-1" }]).servers;
  const server = newServer(1, config!, 0);
  let read = 0;
  const considered = {
    server,
    id: 1,
    get load() {
      read++;
      return 0;
    },
  };
  const choice = { id: "r1", policy: "least_work", chosen: considered, candidates: [considered] };
  const choose = () => logListener.chose!(choice);
  assert.deepEqual(await written("json", choose, "info"), []);
  assert.equal(read, 0);
  assert.equal((await written("json", choose, "debug")).length, 1);
  assert.ok(read > 0);
});

Deno.test("only lines at or above the level are written", async () => {
  const all = () => {
    logListener.closed!(requestRecord);
    logListener.stateChanged!(change);
    logError(new Error("broken"));
  };
  const levels = async (level: LogOptions["level"]) =>
    (await written("json", all, level)).map((line) => JSON.parse(line).level);
  assert.deepEqual(await levels("debug"), ["info", "warning", "error"]);
  assert.deepEqual(await levels("info"), ["info", "warning", "error"]);
  assert.deepEqual(await levels("warning"), ["warning", "error"]);
  assert.deepEqual(await levels("error"), ["error"]);
  const changed = await written("json", () => {
    setLogLevel("error");
    all();
    setLogLevel("warning");
    all();
  });
  assert.deepEqual(changed.map((line) => JSON.parse(line).level), ["error", "warning", "error"]);
});

Deno.test("an error is logged with its stack, in one line", async () => {
  const [line] = await written("json", () => logError(new Error("broken")));
  assert.match(JSON.parse(line!).message, /^Unexpected: Error: broken\n +at /);
  assert.ok(!line!.includes("\n"));
});

Deno.test("each problem of a refused configuration is one line, and another says that nothing changed", async () => {
  const problems = [{ where: "config.policy", what: "expected one of" }, { where: "b", what: "c" }];
  const lines = await written("json", () => logListener.notReloaded!(problems));
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), [
    "config.policy: expected one of",
    "b: c",
    "The changed configuration was not applied, nothing changed",
  ]);
});
