import assert from "node:assert/strict";
import { join } from "node:path";
import { deadUrl } from "../support/upstream.ts";
import { codeIn, proseOf, ROOT } from "./pages.ts";
import { router, tasks } from "./programs.ts";

/** How a command begins in a checkout, on a machine that has only Node and npm. */
export const IN_CHECKOUT = "npx -y deno@2.9.6 task";
const EXAMPLE = "servers.example.toml";
/** Other programs used in the samples. */
const OTHERS: readonly string[] = [
  "aider",
  "claude",
  "cp",
  "curl",
  "docker",
  "export",
  "helm",
  "install",
  "kubectl",
  "mkdir",
  "systemctl",
];

/** The command lines in a sample for a shell, without where their output goes. */
export function commandsIn(sample: string): readonly string[] {
  return sample.replaceAll(/\\\n\s*/g, "").split(/\n|&&/)
    .map((line) => line.replace(/ > \S+$/, "").trim()).filter(Boolean);
}

/** The router's command lines in the prose and the tables of a page. */
export function inlineCommands(text: string): readonly string[] {
  return codeIn(proseOf(text))
    .filter((code) => /^(\S*\/)?vllm-router |^(npx -y )?deno(@\S+)? task /.test(code));
}

/** The router's arguments in a command line; `undefined` if it runs another program. */
export function argumentsOf(line: string): readonly string[] | undefined {
  const words = line.split(/\s+/);
  if (words[0] === "docker" && words[1] === "run") {
    const image = words.lastIndexOf("vllm-router");
    const args = words.slice(image + 1);
    return image >= 0 && args.length > 0 ? args : undefined;
  }
  if (/^(\.\/dist\/)?vllm-router$/.test(words[0]!)) return words.slice(1);
  const task = /^(?:npx -y deno@2\.9\.6|deno) task ([\w:]+) ?(.*)$/.exec(line);
  if (task) {
    const command = tasks[task[1]!];
    assert.ok(command !== undefined, `no task for ${line}`);
    const before = /\bdeno run .* main\.ts(.*)$/.exec(command)?.[1];
    return before === undefined ? undefined : `${before} ${task[2]}`.split(" ").filter(Boolean);
  }
  assert.ok(OTHERS.includes(words[0]!), `unknown program in: ${line}`);
  return undefined;
}

/**
 * Runs a command line so that it must fail, because of a port in use or a missing file. An invalid
 * command line would exit with code 2 before that.
 */
export async function assertUnderstood(args: readonly string[]): Promise<void> {
  const line = args.join(" ");
  const commands = [
    "check-config",
    "demo",
    "drain",
    "health",
    "key",
    "servers",
    "simulate",
    "top",
    "version",
  ];
  const command = commands.includes(args[0]!) ? args[0]! : "run";
  if (
    args.some((arg) => /^--help$|^--version$|^-V$/.test(arg)) ||
    ["key", "version"].includes(command)
  ) {
    return assert.equal((await router(args)).code, 0, line);
  }
  if (command === "top") {
    const given = args.slice(1).filter((arg) => !/^https?:|^\[URL\]$/.test(arg));
    const { code, stderr } = await router(["top", deadUrl(), ...given]);
    assert.equal(code, 1, `${line}: ${stderr}`);
    return assert.match(stderr, /no router answers|can't be read/, line);
  }
  if (command === "servers") {
    const { code, stderr } = await router([...args, `--url=${deadUrl()}`]);
    assert.equal(code, 1, `${line}: ${stderr}`);
    return assert.match(stderr, /no router answers/, line);
  }
  if (command === "health") {
    const { code, stderr } = await router([...args, `--port=${new URL(deadUrl()).port}`]);
    assert.equal(code, 1, `${line}: ${stderr}`);
    return assert.match(stderr, /no router answers/, line);
  }
  const hostname = command === "simulate" ? "127.0.0.1" : "0.0.0.0";
  using taken = Deno.listen({ hostname, port: 0 });
  const port = `--port=${(taken.addr as Deno.NetAddr).port}`;
  const missing = `--config=${join(ROOT, "no-such-file.toml")}`;
  const example = `--config=${join(ROOT, EXAMPLE)}`;
  const namesServers = args.some((arg) => arg.startsWith("--server"));
  const ending = {
    "check-config": [missing],
    drain: [missing],
    run: [`--host=${hostname}`, ...(namesServers ? [] : [example]), port],
    simulate: [`--host=${hostname}`, port],
  }[command] ?? [port];
  const { code, stderr } = await router([...args, ...ending]);
  assert.equal(code, 1, `${line}: ${stderr}`);
  assert.match(stderr, /already in use|no such file|is not valid/, line);
}
