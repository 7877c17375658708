import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  adminShape,
  authShape,
  corsShape,
  keyShape,
  tlsShape,
} from "../src/config/access_schema.ts";
import { parseConfig } from "../src/config/file/load.ts";
import type { Config } from "../src/config/config.ts";
import { listenerShape, serverShape } from "../src/config/file_schema.ts";
import { modelsShape } from "../src/config/models_schema.ts";
import { createAuthority } from "./security/certificates.ts";
import { deadUrl } from "./support/upstream.ts";

const authority = await createAuthority();
const CLIENT = await authority.issue();
/** Contents of the files that samples reference. */
const FILES: Record<string, string> = {
  "ca.pem": authority.ca,
  "servers-ca.pem": authority.ca,
  "client.pem": CLIENT.cert,
  "client-key.pem": CLIENT.key,
  "keys.toml": "api_keys = []",
};

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const READMES = ["README.md", "README.zh.md"];
const EXAMPLE = "servers.example.toml";
const MINIMAL = `[servers]\nservers = [{ url = "http://gpu-server-1:8081" }]\n`;
/** Other programs used in the samples. */
const OTHERS = [
  "aider",
  "claude",
  "cp",
  "curl",
  "docker",
  "export",
  "install",
  "mkdir",
  "systemctl",
];

const read = (path: string) => Deno.readTextFileSync(join(ROOT, path));
const markdown = files(ROOT).filter((path) => path.endsWith(".md"));
const tasks: Record<string, string> = JSON.parse(read("deno.json")).tasks;

Deno.test("both READMEs have the same sections and the same samples", () => {
  const [english, chinese] = READMES.map(read);
  const levels = (text: string) => headings(text).map(({ level }) => level);
  assert.deepEqual(levels(chinese!), levels(english!));
  assert.deepEqual(samples(chinese!), samples(english!));
  assert.deepEqual(codeInTables(chinese!), codeInTables(english!));
});

Deno.test("every TOML sample is a valid configuration without warnings", () => {
  const texts = markdown.map(read).flatMap((text) => [
    ...samples(text, "toml"),
    ...samples(text, "yaml").flatMap(filesInConfigMaps),
  ]);
  assert.ok(texts.length >= 7);
  for (const text of [...texts, read(EXAMPLE)]) accepted(text);
});

Deno.test("the READMEs and the example state every setting with its default", () => {
  const withoutDefault = ["total_timeout", "sse_keepalive", "max_in_flight_per_client", "proxy"];
  // The level's default comes from the command line, and is documented that way.
  const settingsOf = (text: string) => {
    const { totalTimeoutMs: _, sseKeepAliveMs: __, maxInFlightPerClient: ___, ...settings } =
      accepted(text).settings;
    return { ...settings, logLevel: "info" };
  };
  const defaults = settingsOf(MINIMAL);
  const whole = uncommented(read(EXAMPLE));
  const inExample = keysIn(whole, "config");
  assert.deepEqual(settingsOf(read(EXAMPLE)), defaults);
  assert.equal(accepted(whole).settings.logLevel, "info");
  assert.deepEqual(settingsOf(whole), defaults);
  assert.equal(new Set(inExample).size, Object.keys(defaults).length + withoutDefault.length);
  assert.equal(accepted(read(EXAMPLE)).settings.totalTimeoutMs, undefined);
  assert.equal(accepted(read(EXAMPLE)).settings.maxInFlightPerClient, undefined);

  for (const path of READMES) {
    const rows = tableWith(read(path), "metrics_interval");
    const written = rows.filter(([key]) => !withoutDefault.includes(key!))
      .map(([key, value]) => `${key} = ${value}\n`);
    for (const key of withoutDefault) {
      assert.match(new Map(rows as [string, string][]).get(key)!, /^(none|无)$/);
    }
    assert.deepEqual(settingsOf(`${MINIMAL}[config]\n${written.join("")}`), defaults);
    assert.deepEqual(rows.map(([key]) => key).sort(), inExample, path);
  }
});

Deno.test("the READMEs and the example show every key of the other tables", () => {
  const shapes = {
    auth: authShape,
    admin: adminShape,
    tls: tlsShape,
    cors: corsShape,
    models: modelsShape,
    server: listenerShape,
  };
  const whole = uncommented(read(EXAMPLE));
  const { access } = accepted(whole);
  assert.equal(access.keys.length, 1);
  assert.equal(Object.keys(access.keys[0]!).length, Object.keys(keyShape.shape).length);
  assert.ok(access.keysAreOn && access.adminListen && access.tls);
  assert.deepEqual(access.corsOrigins, accepted(MINIMAL).access.corsOrigins);
  assert.deepEqual(accepted(read(EXAMPLE)).access, accepted(MINIMAL).access);
  const every = Object.entries(shapes).flatMap(([table, { shape }]) => {
    const keys = Object.keys(shape).sort();
    assert.deepEqual(keysIn(whole, table), keys);
    return keys.map((key) => `${table}.${key}`);
  });
  for (const path of READMES) {
    const keysOf = (key: string) => tableWith(read(path), key).map(([key]) => key).sort();
    assert.deepEqual(keysOf("auth.api_keys"), every.sort(), path);
    assert.deepEqual(keysOf("requests_per_minute"), Object.keys(keyShape.shape).sort(), path);
  }
});

Deno.test("the READMEs and the example show every key of a server", () => {
  const keys = Object.keys(serverShape.shape).sort();
  const full = accepted(uncommented(read(EXAMPLE))).servers.at(-1)!;
  // A certificate and its key are one member, and a false tls_skip_verify is omitted.
  assert.equal(Object.keys(full).length, keys.length - 2);
  for (const path of READMES) {
    const rows = new Map(
      tableWith(read(path), "max_concurrent_requests").map((
        [key, value],
      ) => [key, value]),
    );
    assert.deepEqual([...rows.keys()].sort(), keys, path);
    assert.equal(
      Number(rows.get("max_concurrent_requests")),
      accepted(MINIMAL).servers[0]!.capacity,
    );
  }
});

Deno.test("every command line in the documentation and the help is valid", async () => {
  const texts = markdown.map(read);
  const inHelp = await Promise.all(
    ["", "run", "top", "check-config", "health", "demo", "simulate", "key"].map((command) =>
      router([...command.split(" ").filter(Boolean), "--help"])
    ),
  );
  const lines = new Set([
    ...texts.flatMap((text) => samples(text, "sh")).flatMap(commandsIn),
    ...texts.flatMap(inlineCommands),
    ...inHelp.flatMap(({ stdout }) => commandsIn(stdout.split("Examples:\n")[1] ?? "")),
  ]);
  const known = [...lines].map(argumentsOf).filter((args) => args !== undefined);
  assert.ok(known.length >= 15, `only ${known.length} command lines found`);
  const distinct = new Set(known.map((args) => args.join(" ")));
  await Promise.all([...distinct].map((line) => assertUnderstood(line)));
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
  await Promise.all(lines.map((line) => assertUnderstood(line)));
});

Deno.test("the README's samples work unchanged against the demo", async (t) => {
  await using demo = await startDemo();
  const here = (text: string) => text.replaceAll("127.0.0.1:8888", `127.0.0.1:${demo.port}`);
  const curls = samples(read("README.md"), "sh").flatMap(commandsIn)
    .filter((line) => line.startsWith("curl "));
  const scripts = samples(read("README.md"), "js");
  assert.equal(curls.length, 3);
  assert.equal(scripts.length, 1);

  await t.step("they are the samples that the demo prints", () => {
    const bare = (text: string) => text.replaceAll(/[\s\\{},]/g, "");
    for (const sample of [curls[0]!, ...scripts]) {
      assert.ok(bare(demo.printed()).includes(bare(here(sample))), sample);
    }
  });

  await t.step("every page in the demo's output exists", async () => {
    const address = `http://127.0.0.1:${demo.port}`;
    const named = ["/dashboard", "/load-stats", "/health"];
    const pages = [...demo.printed().matchAll(/: (http:\S+:\d+(\/\S+))/g)];
    assert.deepEqual(pages.map(([, , path]) => path), named);
    for (const [, page] of pages) {
      assert.ok(page!.startsWith(address));
      const { status, body } = await fetch(page!);
      await body?.cancel();
      assert.equal(status, 200, page);
    }
  });

  await t.step({
    name: "it listens on every address, and says so",
    // Elsewhere loopback has one address only.
    ignore: Deno.build.os !== "linux",
    async fn() {
      assert.ok(demo.printed().includes(`listens on 0.0.0.0:${demo.port}:`));
      const { status, body } = await fetch(`http://127.0.0.2:${demo.port}/livez`);
      await body?.cancel();
      assert.equal(status, 200);
    },
  });

  for (const curl of curls) {
    await t.step({
      name: curl.slice(0, 60),
      ignore: !isInstalled("curl"),
      async fn() {
        const { stdout, stderr, code } = await output("sh", [
          "-c",
          here(curl).replace("curl", "curl --silent --show-error --fail"),
        ]);
        assert.equal(code, 0, stderr);
        if (!curl.includes('"stream": true')) return void JSON.parse(stdout);
        const events = stdout.split("\n\n").filter(Boolean);
        assert.ok(events.every((event) => event.startsWith("data: ")), stdout);
        assert.ok(events.length > 3 && events.at(-1) === "data: [DONE]");
      },
    });
  }

  await t.step("the openai sample prints an answer", async () => {
    const { stdout, stderr, code } = await output(Deno.execPath(), [
      "run",
      "--quiet",
      "--allow-net",
      "--allow-env",
      "--allow-read",
      "-",
    ], here(scripts[0]!));
    assert.equal(code, 0, stderr);
    assert.ok(stdout.trim().split(/\s+/).length > 3, stdout);
  });

  await t.step("the image's health check passes, and fails if nothing listens", async () => {
    const [, check] = /HEALTHCHECK[^[]*CMD (\[.*\])/.exec(read("deploy/Dockerfile"))!;
    const [program, ...args] = JSON.parse(check!);
    assert.equal(program, "vllm-router");
    const run = async (port: number) => (await router([...args, `--port=${port}`])).code;
    assert.equal(await run(demo.port), 0);
    assert.equal(await run(Number(new URL(deadUrl()).port)), 1);
  });
});

Deno.test("every relative link has an existing target", () => {
  const broken = markdown.flatMap((path) =>
    [...proseOf(read(path)).matchAll(/\]\(([^)\s#]*)(#[^)\s]+)?\)/g)]
      .filter(([, to, anchor]) => !leadsSomewhere(path, to!, anchor))
      .map(([link]) => `${path}: ${link}`)
  );
  assert.deepEqual(broken, []);
});

Deno.test("every test that docs/reliability.md names exists", () => {
  const text = read("docs/reliability.md");
  const paths = new Map(
    [...text.matchAll(/^\[(\w+)\]: \.\.\/(tests\/.*)$/gm)].map(([, name, path]) => [name!, path!]),
  );
  const named = [...text.matchAll(/\[([^[\]]+)\]\[(\w+)\]/g)];
  assert.ok(named.length >= 40, `only ${named.length}`);
  for (const [, name, file] of named) assert.ok(read(paths.get(file!)!).includes(name!), name);
});

Deno.test("no file contains a machine path, a registry host or a non-npm package", () => {
  const unwanted = [
    /(?<![\w.-])\/(?:work|root)\//,
    /registry\.npmjs/,
    /["'`]jsr:/,
    /from ["']https?:/,
  ];
  const found = files(ROOT).flatMap((path) => {
    const text = read(path);
    return unwanted.filter((pattern) => pattern.test(text))
      .map((pattern) => `${path}: ${pattern}`);
  });
  assert.deepEqual(found, []);
});

/** Paths of all project files in a folder, relative to the root. */
function files(folder: string): string[] {
  const not = [".git", "node_modules", "dist", "logs", "servers.toml"];
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (not.includes(entry.name)) return [];
    return entry.isDirectory ? files(path) : [relative(ROOT, path)];
  });
}

/** Bodies of the fenced samples of one language; without one, of all, prefixed by the language. */
function samples(text: string, language?: string): string[] {
  const fences = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return fences.filter(([, of]) => language === undefined || of === language)
    .map(([, of, body]) => language === undefined ? `${of}\n${body}` : body!);
}

/** The configuration files in the ConfigMaps of a sample. */
function filesInConfigMaps(yaml: string): string[] {
  return [...yaml.matchAll(/^ {2}servers\.toml: \|\n((?: {4}.*\n|\n)+)/gm)]
    .map(([, body]) => body!.replaceAll(/^ {4}/gm, ""));
}

function proseOf(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, "");
}

function headings(text: string): { level: number; anchor: string }[] {
  return [...proseOf(text).matchAll(/^(#+) (.*)$/gm)].map((
    [, marks, title],
  ) => ({
    level: marks!.length,
    anchor: title!.toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  }));
}

/** First cells of tables that contain only code: keys, policies, paths, commands, flags. */
function codeInTables(text: string): string[][] {
  return [...text.matchAll(/^\| ((?:`[^`|]+`(?:, )?)+) +\|/gm)].map((
    [, cell],
  ) => [...cell!.matchAll(/`[^`]+`/g)].map(([code]) => code));
}

/** Rows of the table with a row for `key`, as the plain text of their cells. */
function tableWith(text: string, key: string): string[][] {
  const table = text.split(/\n\n/).find((part) => part.includes(`| \`${key}\``))!;
  return table.split("\n").slice(2).map((row) =>
    row.split("|").slice(1, -1).map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"))
  );
}

function accepted(text: string): Config {
  const file = (name: string) => FILES[name] ?? "what is there";
  const checked = parseConfig(text, () => "a-key-of-some-length", file);
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.warnings, []);
  return checked.config;
}

/** The example with its optional keys and tables enabled. */
function uncommented(text: string): string {
  return text.replaceAll(/^( *)# (\w+ = |\{ url|\[\w+\]$)/gm, "$1$2");
}

/** The keys in a table of a configuration. */
function keysIn(text: string, table: string): string[] {
  const [, body] = text.split(`\n[${table}]\n`);
  return [...body!.split(/^\[/m)[0]!.matchAll(/^(\w+) = /gm)].map(([, key]) => key!).sort();
}

function commandsIn(text: string): string[] {
  return text.replaceAll(/\\\n\s*/g, "").split(/\n|&&/)
    .map((line) => line.trim()).filter(Boolean);
}

function inlineCommands(text: string): string[] {
  return [...proseOf(text).matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll(/\s+/g, " "))
    .filter((code) => /^(\.\/)?vllm-router |^(npx -y )?deno(@\S+)? task /.test(code));
}

/** The router's arguments in a command line; `undefined` if it runs another program. */
function argumentsOf(line: string): string[] | undefined {
  const words = line.split(/\s+/);
  if (words[0] === "docker" && words[1] === "run") {
    const image = words.lastIndexOf("vllm-router");
    const args = words.slice(image + 1);
    return image >= 0 && args.length > 0 ? args : undefined;
  }
  if (/^(\.\/)?vllm-router$/.test(words[0]!)) return words.slice(1);
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
async function assertUnderstood(line: string): Promise<void> {
  const args = line.split(" ").filter(Boolean);
  const commands = ["check-config", "demo", "drain", "health", "key", "simulate", "top", "version"];
  const command = commands.includes(args[0]!) ? args[0]! : "run";
  if (args.includes("--help") || ["key", "version"].includes(command)) {
    return assert.equal((await router(args)).code, 0, line);
  }
  if (command === "top") {
    const { code, stderr } = await router(["top", deadUrl()]);
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

function router(args: readonly string[]): ReturnType<typeof output> {
  const run = ["run", "--allow-net", "--allow-read", "--allow-env", "main.ts"];
  return output(Deno.execPath(), [...run, ...args]);
}

async function output(
  program: string,
  args: readonly string[],
  input?: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (input) await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** Starts the demo like its task, on a free port, and waits for its welcome message. */
async function startDemo() {
  const [, args = ""] = /\bdeno (.*)$/.exec(tasks.demo!)!;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args.split(" "), "--port", "0"],
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  const { promise: welcomed, resolve } = Promise.withResolvers<void>();
  let printed = "";
  const drained = (async () => {
    for await (
      const part of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      printed += part;
      if (printed.includes("Stop with Ctrl-C")) resolve();
    }
    resolve();
  })();
  await welcomed;
  const port = Number(
    /router in front of them: http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1],
  );
  return {
    port,
    printed: () => printed,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const { code } = await child.status;
      await drained;
      assert.equal(code, 0, printed);
    },
  };
}

function leadsSomewhere(
  from: string,
  to: string,
  anchor: string | undefined,
): boolean {
  if (/^(https?|mailto):/.test(to)) return true;
  const target = to === "" ? from : join(dirname(from), to);
  try {
    Deno.statSync(join(ROOT, target));
  } catch {
    return false;
  }
  return anchor === undefined ||
    headings(read(target)).some((heading) => `#${heading.anchor}` === anchor);
}
