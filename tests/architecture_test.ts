import assert from "node:assert/strict";
import { posix } from "node:path";

/** A source file, identified by its path below `src/`, with its imports. */
interface Source {
  readonly path: string;
  readonly text: string;
  /** Imported paths below `src/`. */
  readonly imports: readonly string[];
  /** All other imports, as written. */
  readonly packages: readonly string[];
}

const SRC = new URL("../src/", import.meta.url);

function* pathsBelow(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(folder, SRC))) {
    if (entry.isDirectory) yield* pathsBelow(`${folder}${entry.name}/`);
    else if (/\.tsx?$/.test(entry.name)) yield folder + entry.name;
  }
}

function read(path: string): Source {
  const text = Deno.readTextFileSync(new URL(path, SRC));
  const specifiers = [
    // Pages and their scripts are imported as text: embedded, but not executed.
    ...text.matchAll(/^(?:import|export|\})[^"';]*?\bfrom "([^"]+)"(?! with \{ type: "text" \})/gm),
    ...text.matchAll(/^import "([^"]+)"/gm),
    ...text.matchAll(/\bimport\(\s*"([^"]+)"/g),
  ].map(([, specifier]) => specifier!);
  const isLocal = (specifier: string) => specifier.startsWith(".");
  return {
    path,
    text,
    imports: specifiers.filter(isLocal).map((specifier) =>
      posix.join(posix.dirname(path), specifier)
    ),
    packages: specifiers.filter((specifier) => !isLocal(specifier)),
  };
}

const sources = [...pathsBelow("")].sort().map(read);
const roomOf = (path: string) => path.includes("/") ? path.split("/")[0]! : "";
/** The folders each folder may import from, besides itself. `""` is the top of `src/`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  util: [],
  routing: [],
  simulator: [],
  config: ["routing"],
  auth: ["config"],
  http: ["config", "util"],
  fleet: ["config", "routing", "util"],
  tracing: ["config", "fleet", "http", "proxy", "util"],
  vllm: ["fleet", "http"],
  engines: ["config", "fleet", "vllm"],
  polling: ["config", "engines", "fleet", "http", "util", "vllm"],
  proxy: ["fleet", "http", "util", "vllm"],
  monitor: ["config", "discovery", "fleet", "peers", "proxy", "util"],
  discovery: ["config", "http", "util"],
  peers: ["auth", "config", "discovery", "fleet", "http", "util"],
  api: ["", "auth", "config", "discovery", "fleet", "http", "monitor", "peers", "proxy", "vllm"],
  cli: [
    "",
    "config",
    "discovery",
    "fleet",
    "http",
    "monitor",
    "peers",
    "polling",
    "simulator",
    "tracing",
    "util",
  ],
  "": [
    "api",
    "auth",
    "config",
    "discovery",
    "fleet",
    "http",
    "monitor",
    "peers",
    "polling",
    "proxy",
    "tracing",
    "util",
  ],
};

/**
 * Folders of pure files: values in, values out; clock and random source are parameters. Within
 * them, only files named `read_*.ts` do IO.
 */
const PURE_FOLDERS = [
  "config",
  "engines",
  "fleet",
  "proxy/request",
  "proxy/sse",
  "routing",
  "vllm",
];
const DOES_IO = /^config\/file\/|\/read_\w+\.ts$/;

const isPure = ({ path }: Pick<Source, "path">) =>
  PURE_FOLDERS.some((folder) => path.startsWith(`${folder}/`)) && !DOES_IO.test(path);

Deno.test("the scan sees the sources and their imports", () => {
  assert.ok(sources.length > 40);
  assert.deepEqual(
    [...new Set(sources.map(({ path }) => roomOf(path)))].sort(),
    Object.keys(MAY_IMPORT).sort(),
  );
  const paths = sources.map(({ path }) => path);
  const unknown = sources.flatMap(({ imports }) => imports.filter((path) => !paths.includes(path)));
  assert.deepEqual(unknown, ["../deno.json"]);
  assert.ok(sources.filter(isPure).length > 40);
});

Deno.test("a room imports only from the rooms that it may", () => {
  const offences = sources.flatMap(({ path, imports }) =>
    imports.filter((imported) => {
      const [from, to] = [roomOf(path), roomOf(imported)];
      return from !== to && imported !== "../deno.json" && !MAY_IMPORT[from]!.includes(to);
    }).map((imported) => `${path} -> ${imported}`)
  );
  assert.deepEqual(offences, []);
});

Deno.test("pure files import nothing that does IO", () => {
  const offences = sources.filter(isPure).flatMap(({ path, imports }) =>
    imports.filter((imported) => DOES_IO.test(imported)).map((imported) => `${path} -> ${imported}`)
  );
  assert.deepEqual(offences, []);
});

Deno.test("pure files ask neither the system, the network, the clock nor chance", () => {
  for (const { path, text } of sources.filter(isPure)) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    assert.doesNotMatch(
      code,
      /\bDeno\.|\bfetch\(|\bset(Timeout|Interval)\(|\bDate\.now\b|\bMath\.random\b|\bperformance\./,
      path,
    );
  }
});

Deno.test("no import makes a circle", () => {
  const importsOf = new Map(
    sources.map(({ path, imports }) => [path, imports]),
  );
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]) => {
    assert.ok(!way.includes(path), [...way, path].join(" -> "));
    if (done.has(path)) return;
    for (const imported of importsOf.get(path) ?? []) {
      visit(imported, [...way, path]);
    }
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
});

Deno.test("packages come from npm through the import map, or are Node's own", () => {
  const { imports } = JSON.parse(
    Deno.readTextFileSync(new URL("../deno.json", SRC)),
  );
  for (const [name, target] of Object.entries(imports)) {
    assert.match(String(target), /^npm:.*@\d+\.\d+\.\d+$/, name);
  }
  for (const { path, packages } of sources) {
    for (const name of packages) {
      assert.ok(
        name.startsWith("node:") ||
          Object.keys(imports).some((known) => name === known || name.startsWith(`${known}/`)),
        `${path} imports ${name}`,
      );
    }
  }
});

Deno.test("a file is a room: at most 200 lines", () => {
  const long = sources.map(({ path, text }) => ({
    path,
    lines: text.trimEnd().split("\n").length,
  })).filter(({ lines }) => lines > 200);
  assert.deepEqual(long.map(({ path, lines }) => `${path}: ${lines}`), []);
});

Deno.test("the way of a request is shown in under 120 lines", () => {
  assert.ok(read("proxy/proxy.ts").text.trimEnd().split("\n").length < 120);
});

/** Owners of mutable state, and errors that need their own type. */
const CLASSES = [
  "Attempt",
  "AttemptDeadlines",
  "BadChunk",
  "BadMessage",
  "BadResponse",
  "BegunAnew",
  "BrokenAnswer",
  "BrokenBody",
  "Callbacks",
  "ClientDeparture",
  "ClientExchange",
  "ClosedAbnormally",
  "ConnectError",
  "ConnectionBody",
  "ConnectionLost",
  "DecodedUpstream",
  "Edit",
  "EndedEarly",
  "Fields",
  "Fleet",
  "GrowingBytes",
  "Input",
  "KeptStream",
  "NoPage",
  "Output",
  "OwnUpstream",
  "OwnWebSocket",
  "ProbeTimeout",
  "ProtobufWriter",
  "RefusedByServer",
  "Reply",
  "RuntimeWebSocket",
  "Unauthorized",
];

Deno.test("the router has no class but those that own a state", () => {
  const classes = sources.filter(({ path }) => roomOf(path) !== "simulator")
    .flatMap(({ text }) =>
      [...text.matchAll(/^(?:export )?(?:abstract )?class (\w+)/gm)]
        .map(([, name]) => name!)
    );
  assert.deepEqual(classes.sort(), [...CLASSES].sort());
});
