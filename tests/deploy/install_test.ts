import assert from "node:assert/strict";
import { createHash } from "node:crypto";

const SCRIPT = new URL("../../deploy/install.sh", import.meta.url).pathname;
const PROGRAM = "#!/bin/sh\necho vllm-router 9.9.9\n";
const NAME = "vllm-router-linux-x64";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const sums = (name: string, text: string) =>
  `${sha256("other")}  other\n${sha256(text)}  ${name}\n`;

/** What the script needs besides a program that downloads. */
const TOOLS = "awk cat chmod cut grep mkdir mktemp mv rm sh sha256sum".split(" ");
const DOWNLOADERS = ["curl", "wget"].filter((name) => pathOf(name) !== undefined);

interface Machine {
  readonly system?: string;
  readonly cpu?: string;
  readonly tools?: readonly string[];
  /** Scripts that stand in for other programs. */
  readonly fakes?: Readonly<Record<string, string>>;
  /** The release's files. */
  readonly files?: Readonly<Record<string, string>>;
  /** What is installed already. */
  readonly installed?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Names in the folder of executables, with their contents. */
  readonly left: Readonly<Record<string, string>>;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
}

/** Runs the script on a machine with only these programs, against a server with these files. */
async function install(
  {
    system = "Linux",
    cpu = "x86_64",
    tools = [...TOOLS, "curl"],
    fakes = {},
    files = { SHA256SUMS: sums(NAME, PROGRAM), [NAME]: PROGRAM },
    installed,
    env = {},
  }: Machine,
): Promise<Result> {
  const folder = await Deno.makeTempDir();
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    const file = files[/^\/releases\/download\/v9\.9\.9\/(.+)$/.exec(pathname)?.[1] ?? ""];
    return new Response(file ?? "not found", { status: file === undefined ? 404 : 200 });
  });
  try {
    const bin = `${folder}/prefix/bin`;
    const path = `${folder}/tools`;
    await Deno.mkdir(path);
    for (const tool of tools) await Deno.symlink(pathOf(tool)!, `${path}/${tool}`);
    const uname = `[ "$1" = -s ] && echo ${system} || echo ${cpu}`;
    for (const [name, text] of Object.entries({ uname, ...fakes })) {
      await Deno.writeTextFile(`${path}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    if (installed !== undefined) {
      await Deno.mkdir(bin, { recursive: true });
      await Deno.writeTextFile(`${bin}/vllm-router`, installed);
    }
    const { code, stdout, stderr } = await new Deno.Command(`${path}/sh`, {
      args: [SCRIPT],
      clearEnv: true,
      env: {
        PATH: path,
        PREFIX: `${folder}/prefix`,
        VERSION: "9.9.9",
        BASE_URL: `http://127.0.0.1:${server.addr.port}/releases`,
        ...env,
      },
    }).output();
    const decoder = new TextDecoder();
    return {
      code,
      stdout: decoder.decode(stdout).replaceAll(folder, ""),
      stderr: decoder.decode(stderr).replaceAll(folder, ""),
      left: contentsOf(bin),
      asked,
    };
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

function contentsOf(folder: string): Record<string, string> {
  try {
    return Object.fromEntries(
      [...Deno.readDirSync(folder)].map(({ name, isFile }) =>
        [name, isFile ? Deno.readTextFileSync(`${folder}/${name}`) : "a folder"] as const
      ),
    );
  } catch {
    return {};
  }
}

function pathOf(name: string): string | undefined {
  return Deno.env.get("PATH")!.split(":").map((folder) => `${folder}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Asserts that the script failed with this reason and left what was there. */
async function assertRefused(machine: Machine, why: RegExp): Promise<Result> {
  const result = await install({ installed: "the old one", ...machine });
  assert.equal(result.code, 1, result.stdout + result.stderr);
  assert.match(result.stderr, why);
  assert.match(result.stderr.trimEnd().split("\n").at(-1)!, /^install\.sh: /);
  assert.equal(result.stdout, "");
  assert.deepEqual(result.left, { "vllm-router": "the old one" });
  return result;
}

const ignore = Deno.build.os === "windows" || DOWNLOADERS.length < 2;
if (ignore) console.log("curl or wget is not installed, tests with them are ignored");

for (const downloader of DOWNLOADERS) {
  const tools = [...TOOLS, downloader];

  Deno.test(`${downloader}: the executable of this machine is checked and installed`, async () => {
    for (
      const [system, cpu, name] of [
        ["Linux", "x86_64", "vllm-router-linux-x64"],
        ["Linux", "aarch64", "vllm-router-linux-arm64"],
        ["Darwin", "x86_64", "vllm-router-macos-x64"],
        ["Darwin", "arm64", "vllm-router-macos-arm64"],
      ] as const
    ) {
      const files = { SHA256SUMS: sums(name, PROGRAM), [name]: PROGRAM };
      const result = await install({ system, cpu, tools, files, installed: "the old one" });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(result.stderr, "");
      assert.equal(
        result.stdout,
        "vllm-router 9.9.9 is installed as /prefix/bin/vllm-router\n",
      );
      assert.deepEqual(result.left, { "vllm-router": PROGRAM });
      const folder = "/releases/download/v9.9.9";
      assert.deepEqual(result.asked, [`${folder}/SHA256SUMS`, `${folder}/${name}`]);
    }
  });

  Deno.test(`${downloader}: a file that is missing or cut off changes nothing`, async () => {
    await assertRefused({ tools, files: {} }, /SHA256SUMS could not be downloaded/);
    await assertRefused(
      { tools, files: { SHA256SUMS: sums(NAME, PROGRAM) } },
      /v9\.9\.9\/vllm-router-linux-x64 could not be downloaded/,
    );
    await using cutting = startCuttingServer();
    await assertRefused(
      { tools, env: { BASE_URL: cutting.url } },
      /vllm-router-linux-x64 could not be downloaded/,
    );
    await assertRefused(
      { tools, env: { BASE_URL: "http://127.0.0.1:1" } },
      /http:\/\/127\.0\.0\.1:1\/download\/v9\.9\.9\/SHA256SUMS could not be downloaded/,
    );
  });
}

/** A server that serves the checksums, and closes the connection within the executable. */
function startCuttingServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(4096);
      const request = new TextDecoder().decode(
        buffer.subarray(0, (await connection.read(buffer))!),
      );
      const isSums = request.includes("/SHA256SUMS ");
      const body = isSums ? sums(NAME, PROGRAM) : PROGRAM;
      const length = isSums ? body.length : 100_000;
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head + body));
      connection.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test({
  name: "an executable with another checksum is not installed",
  ignore,
  async fn() {
    const files = { SHA256SUMS: sums(NAME, PROGRAM), [NAME]: `${PROGRAM}# changed\n` };
    const { stderr } = await assertRefused({ files }, /SHA256SUMS says .*; nothing was installed/);
    assert.ok(stderr.includes(sha256(files[NAME])) && stderr.includes(sha256(PROGRAM)), stderr);
    await assertRefused(
      { files: { ...files, SHA256SUMS: sums("another", PROGRAM) } },
      /SHA256SUMS does not list vllm-router-linux-x64/,
    );
  },
});

Deno.test({
  name: "an executable that doesn't run here is not installed",
  ignore,
  async fn() {
    const broken = "#!/bin/sh\necho needs another libc >&2\nexit 127\n";
    const files = { SHA256SUMS: sums(NAME, broken), [NAME]: broken };
    await assertRefused({ files }, /needs another libc\n.*does not run on this system/);
  },
});

Deno.test({
  name: "a platform without an executable is named, and nothing is downloaded",
  ignore,
  async fn() {
    for (
      const [machine, why] of [
        [{ system: "FreeBSD" }, /installs on Linux and macOS, not on FreeBSD/],
        [{ system: "MINGW64_NT" }, /not on MINGW64_NT/],
        [{ cpu: "riscv64" }, /no executable for Linux on riscv64, only for x86_64 and arm64/],
        [{ fakes: { ldd: "echo musl libc >&2; exit 1" } }, /needs glibc, this system has musl/],
        [{ tools: TOOLS }, /curl or wget is needed/],
        [{ tools: ["curl", "mkdir", "rm", "sh"] }, /sha256sum or shasum is needed/],
        [{ env: { VERSION: "" } }, /set VERSION: /],
        [{ env: { BASE_URL: "" } }, /set BASE_URL: /],
      ] as const
    ) {
      const { asked } = await assertRefused(machine, why);
      assert.deepEqual(asked, []);
    }
  },
});

Deno.test({
  name: "a folder that can't be written is named, and nothing is downloaded",
  ignore,
  async fn() {
    const { code, stderr, asked } = await install({ env: { PREFIX: "/proc" } });
    assert.equal(code, 1);
    assert.match(stderr, /^install\.sh: \/proc\/bin is not writable; .*set PREFIX/);
    assert.deepEqual(asked, []);
  },
});

Deno.test({
  name: "shasum will do where there is no sha256sum",
  ignore,
  async fn() {
    const tools = [...TOOLS.filter((tool) => tool !== "sha256sum"), "curl"];
    const shasum = `[ "$*" = "-a 256 $3" ] && exec ${pathOf("sha256sum")} "$3"`;
    const { code, stderr, left } = await install({ tools, fakes: { shasum } });
    assert.equal(code, 0, stderr);
    assert.deepEqual(left, { "vllm-router": PROGRAM });
  },
});

Deno.test({
  name: "a script that was cut off does nothing",
  ignore,
  async fn() {
    const whole = Deno.readTextFileSync(SCRIPT);
    assert.ok(whole.endsWith("\nmain\n"));
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", whole.slice(0, -"main\n".length)],
      env: { PREFIX: "/proc" },
    }).output();
    assert.deepEqual([code, stdout.length, stderr.length], [0, 0, 0]);
  },
});

Deno.test("shellcheck finds nothing in the script", {
  ignore: pathOf("shellcheck") === undefined,
}, async () => {
  const { stdout } = await new Deno.Command("shellcheck", { args: [SCRIPT] }).output();
  assert.equal(new TextDecoder().decode(stdout), "");
});
