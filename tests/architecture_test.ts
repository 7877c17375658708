import assert from "node:assert/strict";
import { posix } from "node:path";

/** A source file, named by its path below `src/`, with what it imports. */
interface Source {
  readonly path: string;
  readonly text: string;
  /** Below `src/`, of imports that lead there. */
  readonly imports: readonly string[];
  /** All others, as written. */
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
    // Pages and their scripts are imported as text: embedded, never run by us.
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
const inRoom = (...rooms: string[]) => sources.filter(({ path }) => rooms.includes(roomOf(path)));
const routing = inRoom("routing").map(({ path }) => path);

/** Decisions: values in, values out; what changes a server that it is given, or counts, at most. */
const PURE = [
  "api/client_address.ts",
  "api/cors.ts",
  "auth/presented.ts",
  "auth/rate.ts",
  "config/access.ts",
  "config/access_shape.ts",
  "config/config.ts",
  "config/issues.ts",
  "config/key_hash.ts",
  "config/log_level.ts",
  "config/outside.ts",
  "config/parts.ts",
  "config/problem.ts",
  "config/route.ts",
  "config/schema.ts",
  "config/servers.ts",
  "config/settings.ts",
  "config/shape.ts",
  "config/unknown_keys.ts",
  "fleet/backlog.ts",
  "fleet/block_sets.ts",
  "fleet/book.ts",
  "fleet/breaker.ts",
  "fleet/change.ts",
  "fleet/choice.ts",
  "fleet/column.ts",
  "fleet/doubt.ts",
  "fleet/due.ts",
  "fleet/eligible.ts",
  "fleet/end_details.ts",
  "fleet/engine.ts",
  "fleet/engine_transitions.ts",
  "fleet/fleetwide.ts",
  "fleet/growth.ts",
  "fleet/health.ts",
  "fleet/jitter.ts",
  "fleet/latest.ts",
  "fleet/lease.ts",
  "fleet/line.ts",
  "fleet/load.ts",
  "fleet/means.ts",
  "fleet/metrics_text.ts",
  "fleet/models_page.ts",
  "fleet/outcome.ts",
  "fleet/outlier.ts",
  "fleet/pace.ts",
  "fleet/pair_table.ts",
  "fleet/prefix_index.ts",
  "fleet/prometheus_text.ts",
  "fleet/prospect.ts",
  "fleet/recent.ts",
  "fleet/reconcile.ts",
  "fleet/rest.ts",
  "fleet/rings.ts",
  "fleet/runtime_error.ts",
  "fleet/server.ts",
  "fleet/sessions.ts",
  "fleet/snapshot.ts",
  "fleet/stall.ts",
  "fleet/token_ratio.ts",
  "fleet/transitions.ts",
  "fleet/trust.ts",
  "fleet/work.ts",
  "fleet/work_snapshot.ts",
  "fleet/workbook.ts",
  "proxy/account.ts",
  "proxy/admission.ts",
  "proxy/broken_answer.ts",
  "proxy/bytes.ts",
  "proxy/cause.ts",
  "proxy/classify.ts",
  "proxy/client.ts",
  "proxy/client_error.ts",
  "proxy/errors.ts",
  "proxy/events.ts",
  "proxy/headers.ts",
  "proxy/json_members.ts",
  "proxy/json_scan.ts",
  "proxy/multipart.ts",
  "proxy/open_event.ts",
  "proxy/outcome_of.ts",
  "proxy/paths.ts",
  "proxy/retry.ts",
  "proxy/retry_budget.ts",
  "proxy/server_errors.ts",
  "proxy/store.ts",
  "proxy/stream_events.ts",
  "proxy/stream_watch.ts",
  "proxy/usage.ts",
  "proxy/walk.ts",
  "proxy/work_of.ts",
  ...routing,
];

/** What reads files, watches, polls or serves on its own. */
const LOOPS = [
  "config/follow.ts",
  "config/load.ts",
  "config/watch.ts",
  "fleet/page.ts",
  "fleet/poll.ts",
  "fleet/probe.ts",
  "fleet/repeat.ts",
  "gateway.ts",
  "listening.ts",
  "serving.ts",
];

/** What every room may ask for the time. */
const CLOCK = "clock.ts";

/** Every import of those files that `forbidden` holds of, as `file -> import`. */
function offences(
  files: readonly Source[],
  forbidden: (imported: string, from: string) => boolean,
): string[] {
  return files.flatMap(({ path, imports }) =>
    imports.filter((imported) => forbidden(imported, path))
      .map((imported) => `${path} -> ${imported}`)
  );
}

Deno.test("the scan sees the sources and their imports", () => {
  assert.ok(sources.length > 40);
  const gateway = read("gateway.ts");
  for (const imported of ["fleet/fleet.ts", "proxy/proxy.ts", "api/app.ts"]) {
    assert.ok(gateway.imports.includes(imported), imported);
  }
  assert.ok(sources.some(({ packages }) => packages.includes("zod")));
  const paths = sources.map(({ path }) => path);
  assert.deepEqual(offences(sources, (path) => !paths.includes(path)), [
    "version.ts -> ../deno.json",
  ]);
  for (const path of [...PURE, ...LOOPS]) {
    assert.ok(paths.includes(path), `${path} is there`);
  }
});

Deno.test("routing knows nothing but itself", () => {
  assert.deepEqual(
    offences(inRoom("routing"), (path) => roomOf(path) !== "routing"),
    [],
  );
  assert.deepEqual(inRoom("routing").flatMap(({ packages }) => packages), []);
});

const pure = sources.filter(({ path }) => PURE.includes(path));

Deno.test("pure files import pure files", () => {
  assert.deepEqual(offences(pure, (path) => !PURE.includes(path)), []);
});

Deno.test("pure files ask neither the system, the network, the clock nor chance", () => {
  for (const { path, text } of pure) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    assert.doesNotMatch(
      code,
      /\bDeno\.|\bfetch\(|\bset(Timeout|Interval)\(|\bDate\.now\b|\bMath\.random\b|\bperformance\./,
      path,
    );
  }
});

Deno.test("the proxy never sees how the configuration is loaded or servers are polled", () => {
  assert.deepEqual(
    offences(
      inRoom("proxy"),
      (path) =>
        path !== CLOCK && !["proxy", "fleet"].includes(roomOf(path)) || LOOPS.includes(path),
    ),
    [],
  );
});

Deno.test("what shows the fleet starts no loop and sees no simulator", () => {
  assert.deepEqual(
    offences(
      inRoom("monitor", "api"),
      (path) => LOOPS.includes(path) || ["cli", "simulator"].includes(roomOf(path)),
    ),
    [],
  );
});

Deno.test("the fleet knows of configuration and routing, and of nothing that uses it", () => {
  assert.deepEqual(
    offences(
      inRoom("fleet"),
      (path) => path !== CLOCK && !["fleet", "config", "routing"].includes(roomOf(path)),
    ),
    [],
  );
});

Deno.test("the configuration knows of the policies' names, and of nothing else", () => {
  assert.deepEqual(
    offences(
      inRoom("config"),
      (path) => roomOf(path) !== "config" && path !== "routing/policies.ts",
    ),
    [],
  );
});

Deno.test("who holds a key knows of the configuration, and of nothing that asks", () => {
  assert.deepEqual(
    offences(
      inRoom("auth"),
      (path) => roomOf(path) !== "auth" && !(roomOf(path) === "config" && PURE.includes(path)),
    ),
    [],
  );
  assert.deepEqual(
    offences(
      sources.filter(({ path }) => !["api", "auth"].includes(roomOf(path))),
      (path, from) => roomOf(path) === "auth" && from !== "gateway.ts",
    ),
    [],
  );
});

Deno.test("only the gateway listens, at addresses that know of the configuration and of broken answers", () => {
  const importers = (path: string) =>
    sources.filter(({ imports }) => imports.includes(path)).map(({ path }) => path);
  assert.deepEqual(importers("listening.ts"), ["gateway.ts"]);
  assert.deepEqual(importers("serving.ts"), ["listening.ts"]);
  const at = sources.filter(({ path }) => ["listening.ts", "serving.ts"].includes(path));
  const known = ["config/config.ts", "fleet/repeat.ts", "proxy/broken_answer.ts", "serving.ts"];
  assert.deepEqual(offences(at, (path) => !known.includes(path)), []);
});

Deno.test("the simulator stands alone, and only the command line runs it", () => {
  assert.deepEqual(
    offences(inRoom("simulator"), (path) => roomOf(path) !== "simulator"),
    [],
  );
  assert.deepEqual(
    offences(
      sources.filter(({ path }) => !["cli", "simulator"].includes(roomOf(path))),
      (path) => roomOf(path) === "simulator",
    ),
    [],
  );
});

Deno.test("only the command line sees the gateway, nobody the command line", () => {
  assert.deepEqual(
    offences(
      sources,
      (path, from) => path === "gateway.ts" && roomOf(from) !== "cli",
    ),
    [],
  );
  assert.deepEqual(
    offences(
      sources,
      (path, from) => roomOf(path) === "cli" && roomOf(from) !== "cli",
    ),
    [],
  );
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

Deno.test("the way of a request is shown in under 150 lines", () => {
  assert.ok(read("proxy/proxy.ts").text.trimEnd().split("\n").length < 150);
});

/** What owns a state that changes, and errors to be told apart. */
const CLASSES = ["Fleet", "BrokenAnswer", "ConnectError", "ProbeTimeout", "Unauthorized"];

Deno.test("the router has no class but those that own a state", () => {
  const classes = sources.filter(({ path }) => roomOf(path) !== "simulator")
    .flatMap(({ text }) =>
      [...text.matchAll(/^(?:export )?(?:abstract )?class (\w+)/gm)]
        .map(([, name]) => name!)
    );
  assert.deepEqual(classes.sort(), [...CLASSES].sort());
});
