import assert from "node:assert/strict";
import { type CommandLine, createCommand } from "../../../bench/cost/command_line.ts";
import { commandLine, parseOther } from "../../../bench/cost/proxies/other.ts";

const PARTS = ["requests", "chunks"];

function parse(...args: string[]): CommandLine {
  const command = createCommand(PARTS).exitOverride().configureOutput({ writeErr() {} });
  return command.parse(args, { from: "user" }).opts();
}

Deno.test("without arguments every part is measured against the known proxies only", () => {
  assert.deepEqual(parse(), { quick: false, against: [] });
});

Deno.test("parts can be named, and proxies added", () => {
  const { only, against } = parse(
    ...["--only", "requests", "chunks", "--against", "a=x {port}", "--against", "b=y=z {port}"],
  );
  assert.deepEqual(only, ["requests", "chunks"]);
  assert.deepEqual(against, [{ name: "a", command: "x {port}" }, {
    name: "b",
    command: "y=z {port}",
  }]);
});

Deno.test("another HTTP/1.1 implementation is one of the router's", () => {
  assert.equal(parse("--http1", "deno").http1, "deno");
  assert.throws(() => parse("--http1", "node"), /Allowed choices are own, deno/);
});

Deno.test("an unknown part is refused with the names of all parts", () => {
  assert.throws(() => parse("--only", "speed"), /Allowed choices are requests, chunks/);
});

Deno.test("a proxy without a name, a command or {port} is refused", () => {
  for (const text of ["", "a", "a=", " =x {port}"]) {
    assert.equal(parseOther(text), "Expected NAME=COMMAND.", text);
  }
  assert.match(parseOther("a=x --listen 80") as string, /must contain \{port\}/);
  assert.throws(() => parse("--against", "a"), /Expected NAME=COMMAND/);
});

Deno.test("a proxy's name must differ from the others in the tables", () => {
  for (const name of ["vllm-router", "nginx", "HAProxy", "direct"]) {
    assert.throws(() => parse("--against", `${name}=x {port}`), /is taken/);
  }
  assert.throws(() => parse("--against", "a=x {port}", "--against", "a=y {port}"), /is taken/);
});

Deno.test("a command gets the port and the upstream's URL wherever it names them", () => {
  const command = "x --port {port} --health {port} --to {upstream} ${HOME} {other}";
  assert.equal(
    commandLine({ name: "x", command }, 8000, 9000),
    "x --port 8000 --health 8000 --to http://127.0.0.1:9000 ${HOME} {other}",
  );
});
