import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { cli } from "../support/cli.ts";

/** Returns the only line on stderr and asserts that nothing else was written. */
function onlyLine(
  { stdout, stderr }: { stdout: string; stderr: string },
): string {
  assert.equal(stdout, "");
  assert.match(stderr, /^[^\n]+\n$/);
  return stderr.trim();
}

for (
  const [args, mentioned] of [
    [["--prot", "8888"], /--prot/],
    [["run", "--bogus"], /--bogus/],
    [["check-config", "--port", "1"], /--port/],
    [["version", "--bogus"], /--bogus/],
    [["--port", "eighty"], /eighty.*0 to 65535/],
    [["--port", "65536"], /65536.*0 to 65535/],
    [["--port", "-1"], /port/],
    [["--port", "80.5"], /80\.5.*0 to 65535/],
    [["--port"], /--port.*missing/],
    [["--log-level", "loud"], /loud.*debug, info, warning, error/],
    [["demo", "--port", "x"], /x.*0 to 65535/],
    [["servers", "add", "http://a", "--capacity", "0"], /capacity.*at least 1/],
    [["servers", "list", "--url", "https://a"], /https:\/\/a.*such as http:\/\/127\.0\.0\.1:9090/],
    [["servers", "lst"], /lst/],
    [["simulate", "--capacity", "0"], /capacity.*at least 1/],
    [["simulate", "--speed", "-1"], /speed/],
    [["simulate", "--fault", "meteor"], /meteor/],
    [["--server", "http://gpu-1", "--config", "x.toml"], /--config x\.toml .*one of them/],
    [["--server", "gpu-1:8000"], /gpu-1:8000/],
    [["--server", "http://gpu-1=0"], /http:\/\/gpu-1=0.*at least 1/],
    [["--server", "http://gpu-1=many"], /http:\/\/gpu-1=many.*whole number/],
    [
      ["--server", "http://gpu-1=3", "--server", "http://gpu-1/v1=4"],
      /http:\/\/gpu-1\/v1=4.*http:\/\/gpu-1=3/,
    ],
  ] as [string[], RegExp][]
) {
  Deno.test(`"${args.join(" ")}" is reported in one line on stderr, with exit code 2`, async () => {
    const result = await cli(args);
    assert.match(onlyLine(result), mentioned);
    assert.equal(result.code, 2);
  });
}

Deno.test("an unknown command is reported, with exit code 2", async () => {
  const result = await cli(["check-confg"]);
  assert.match(onlyLine(result), /unknown command.*check-confg/);
  assert.equal(result.code, 2);
});

Deno.test("an invalid LOG_LEVEL is reported by name, with exit code 2", async () => {
  const result = await cli([], { env: { LOG_LEVEL: "loud" } });
  assert.match(onlyLine(result), /loud.*LOG_LEVEL/);
  assert.equal(result.code, 2);
});

for (const name of ["run", "check-config", "demo", "simulate", "version"]) {
  Deno.test(`the help of ${name} has examples`, async () => {
    const { code, stdout, stderr } = await cli([name, "--help"]);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /\nExamples:\n {2}vllm-router /);
    assert.match(stdout, new RegExp(`^Usage: vllm-router ${name}`));
  });
}

Deno.test("the help lists every command and has examples", async () => {
  const { code, stdout } = await cli(["--help"]);
  assert.equal(code, 0);
  for (const name of ["run", "check-config", "demo", "simulate", "version"]) {
    assert.match(stdout, new RegExp(`^ {2}${name}\\b`, "m"));
  }
  assert.match(stdout, /\nExamples:\n/);
});

Deno.test("the help of run lists its flags with their defaults", async () => {
  const { stdout } = await cli(["run", "--help"]);
  for (
    const flag of [
      /--console/,
      /--host.*"0\.0\.0\.0"/,
      /--port.*8888/s,
      /--config.*"servers\.toml".*CONFIG_PATH/s,
      /--log-level.*"info".*LOG_LEVEL/s,
      /--model/,
      /--server/,
    ]
  ) assert.match(stdout, flag);
});

Deno.test("LOG_TO_CONSOLE is the default of --console", async () => {
  for (
    const [value, shown] of [
      ["true", "true"],
      ["TRUE", "true"],
      ["1", "true"],
      ["false", "false"],
      ["False", "false"],
      ["0", "false"],
      ["", "false"],
    ] as const
  ) {
    const { stdout } = await cli(["run", "--help"], {
      env: { LOG_TO_CONSOLE: value },
    });
    const flag = stdout.slice(
      stdout.indexOf("--console"),
      stdout.indexOf("--host"),
    );
    assert.equal(flag.includes("(default: true)"), shown === "true", value);
  }
});

Deno.test("a LOG_TO_CONSOLE that isn't a boolean is reported, with exit code 2", async () => {
  const env = { LOG_TO_CONSOLE: "maybe" };
  const result = await cli(["--server", "http://gpu-1"], { env });
  assert.equal(
    onlyLine(result),
    'error: LOG_TO_CONSOLE: expected true, false, 1 or 0, got "maybe"',
  );
  assert.equal(result.code, 2);
});

Deno.test("LOG_TO_CONSOLE is read only by run, and only without --console", async () => {
  const env = { LOG_TO_CONSOLE: "maybe" };
  assert.equal((await cli(["version"], { env })).code, 0);
  const { code, stderr } = await cli(["--console", "--config", "/nowhere/servers.toml"], { env });
  assert.match(stderr, /^error: \/nowhere\/servers\.toml: no such file/);
  assert.equal(code, 1);
});

Deno.test("version, --version and -V print the same", async () => {
  for (const word of ["version", "--version", "-V"]) {
    const { code, stdout } = await cli([word]);
    assert.equal(stdout, `vllm-router ${VERSION}\n`);
    assert.equal(code, 0);
  }
});
