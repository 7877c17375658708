import assert from "node:assert/strict";
import {
  argumentsOf,
  assertUnderstood,
  commandsIn,
  IN_CHECKOUT,
  inlineCommands,
} from "./command_lines.ts";
import { pages, read, samples, section, tableWith } from "./pages.ts";
import { output, router, tasks } from "./programs.ts";

const CLI = read("docs/cli.md");
const COMMANDS = [
  "run",
  "top",
  "check-config",
  "drain",
  "servers",
  "servers list",
  "servers add",
  "servers drain",
  "servers remove",
  "health",
  "demo",
  "simulate",
  "key",
  "key new",
  "version",
];

/** All command lines of all pages. */
const written = pages.map(read).flatMap((text) => [
  ...samples(text, "sh").flatMap(commandsIn),
  ...inlineCommands(text),
]);

Deno.test("every command line in the documentation and the help is valid", async () => {
  const inHelp = await Promise.all(
    ["", ...COMMANDS].map((command) => router([...command.split(" ").filter(Boolean), "--help"])),
  );
  const lines = new Set([
    ...written,
    ...inHelp.flatMap(({ stdout }) => commandsIn(stdout.split("Examples:\n")[1] ?? "")),
  ]);
  const known = [...lines].map(argumentsOf).filter((args) => args !== undefined);
  assert.ok(known.length >= 40, `only ${known.length} command lines found`);
  const distinct = new Set(known.map((args) => args.join(" ")));
  await Promise.all([...distinct].map((line) => assertUnderstood(line.split(" ").filter(Boolean))));
});

Deno.test("every command has a row with its form in a checkout, and is shown in both forms", () => {
  const rows = tableWith(CLI, "check-config");
  const [lines, argumentLists] = [section(CLI, "examples"), written.map(argumentsOf)];
  assert.deepEqual(
    rows.map(([command]) => command!.replace(/ (NAME|URL|\[URL\])$/, "")).sort(),
    COMMANDS.filter((command) => command !== "key" && command !== "servers").sort(),
  );
  for (const [command, inCheckout] of rows) {
    assert.deepEqual(
      (argumentsOf(inCheckout!) ?? []).join(" "),
      command === "run" ? "" : command!,
    );
    assert.ok(argumentLists.some((args) => args?.join(" ").startsWith(command!.split(" ")[0]!)));
  }
  const [executable, checkout] = samples(lines, "sh").map(commandsIn);
  assert.deepEqual(checkout!.map(argumentsOf), executable!.map(argumentsOf));
  assert.ok(executable!.every((line) => line.startsWith("vllm-router ")));
  assert.ok(checkout!.every((line) => line.startsWith(`${IN_CHECKOUT} `)));
});

Deno.test("the tasks of a checkout pass arguments on unchanged", async () => {
  const missing = "--config=no such file.toml";
  for (const args of [["check-config"], ["run"], []]) {
    const { code, stderr } = await output(Deno.execPath(), ["task", "start", ...args, missing]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /no such file\.toml/);
  }
});

Deno.test("what `deno task compile` writes is what the next line runs", () => {
  const [, file] = /--output (\S+)/.exec(tasks.compile!)!;
  const compiled = pages.map(read).flatMap((text) => samples(text, "sh"))
    .filter((sample) => sample.includes("task compile\n")).map(commandsIn);
  assert.ok(compiled.length >= 2);
  for (const lines of compiled) {
    const at = lines.indexOf(`${IN_CHECKOUT} compile`);
    assert.ok(lines[at + 1]?.startsWith(`./${file} `), lines.join("\n"));
  }
});

Deno.test("the README's commands for trying and testing need only Node and npm", () => {
  const lines = samples(read("README.md"), "sh").flatMap(commandsIn);
  for (const task of ["demo", "test"]) assert.ok(lines.includes(`${IN_CHECKOUT} ${task}`));
  assert.ok(lines.every((line) => !/^deno /.test(line)));
});

Deno.test("the command lines in the deployment files are valid", async () => {
  const dockerfile = read("deploy/Dockerfile");
  const compose = read("deploy/docker-compose.yml");
  const unit = read("deploy/systemd/vllm-router.service");
  const lines = [
    JSON.parse(/^CMD (.*)$/m.exec(dockerfile)![1]!).join(" "),
    /^ExecStart=\S+ (.*)$/m.exec(unit)![1]!,
    JSON.parse(/^HEALTHCHECK .*\\\n +CMD (.*)$/m.exec(dockerfile)![1]!).slice(1).join(" "),
    ...[...compose.matchAll(/command: \[(.*)\]/g)].map(([, list]) => list!.replaceAll(",", "")),
    ...[...compose.matchAll(/command:((?:\n +- .*)+)/g)].map(([, list]) =>
      list!.replaceAll(/\s*\n\s*- /g, " ").trim()
    ),
  ];
  assert.equal(lines.length, 7);
  await Promise.all(lines.map((line) => assertUnderstood(line.split(" ").filter(Boolean))));
});
