import assert from "node:assert/strict";
import {
  adminShape,
  authShape,
  corsShape,
  keyShape,
  tlsShape,
} from "../../src/config/access_schema.ts";
import { sourceShapes } from "../../src/config/discovery_schema.ts";
import { kubernetesShape } from "../../src/config/kubernetes_schema.ts";
import { discoveryShape, listenerShape, serverShape } from "../../src/config/file_schema.ts";
import { modelsShape } from "../../src/config/models_schema.ts";
import { peersShape } from "../../src/config/peers_schema.ts";
import { tracingShape } from "../../src/config/tracing_schema.ts";
import { read, tableWith } from "./pages.ts";
import { accepted } from "./samples.ts";

const PAGE = read("docs/configuration.md");
const SOURCES = read("docs/discovery.md");
const EXAMPLE = read("servers.example.toml");
const WHOLE = uncommented(EXAMPLE);
const MINIMAL = `[servers]\nservers = [{ url = "http://gpu-server-1:8081" }]\n`;

/** The example with its optional keys and tables enabled. */
function uncommented(text: string): string {
  return text.replaceAll(/^( *)# (\w+ = |\{ url|\[\[?\w+\]?\]$)/gm, "$1$2");
}

/** The keys in a table of a configuration. */
function keysIn(text: string, table: string): readonly string[] {
  const [, body] = text.split(`\n[${table}]\n`);
  return [...body!.split(/^\[/m)[0]!.matchAll(/^(\w+) = /gm)].map(([, key]) => key!).sort();
}

/** First cells of the table that has a row for `key`. */
const keysOf = (key: string) => tableWith(PAGE, key).map(([first]) => first!).sort();

Deno.test("the page and the example state every setting with its default", () => {
  const withoutDefault = [
    "total_timeout",
    "sse_keepalive",
    "max_in_flight_per_client",
    "proxy",
    "state_file",
  ];
  // The level's default comes from the command line, and is documented that way.
  const settingsOf = (text: string) => {
    const {
      totalTimeoutMs: _,
      sseKeepAliveMs: __,
      maxInFlightPerClient: ___,
      stateFile: ____,
      ...settings
    } = accepted(text).settings;
    return { ...settings, logLevel: "info" };
  };
  const defaults = settingsOf(MINIMAL);
  const inExample = keysIn(WHOLE, "config");
  assert.deepEqual(settingsOf(EXAMPLE), defaults);
  assert.equal(accepted(WHOLE).settings.logLevel, "info");
  assert.deepEqual(settingsOf(WHOLE), defaults);
  assert.equal(new Set(inExample).size, Object.keys(defaults).length + withoutDefault.length);
  assert.equal(accepted(EXAMPLE).settings.totalTimeoutMs, undefined);
  assert.equal(accepted(EXAMPLE).settings.maxInFlightPerClient, undefined);

  const rows = tableWith(PAGE, "metrics_interval");
  const written = rows.filter(([key]) => !withoutDefault.includes(key!))
    .map(([key, value]) => `${key} = ${value}\n`);
  const values = new Map(rows.map(([key, value]) => [key, value]));
  for (const key of withoutDefault) assert.equal(values.get(key), "none");
  assert.deepEqual(settingsOf(`${MINIMAL}[config]\n${written.join("")}`), defaults);
  assert.deepEqual(rows.map(([key]) => key).sort(), inExample);
});

Deno.test("the page and the example show every key of the other tables", () => {
  const shapes = {
    auth: authShape,
    admin: adminShape,
    tls: tlsShape,
    cors: corsShape,
    models: modelsShape,
    server: listenerShape,
    tracing: tracingShape,
    peers: peersShape,
  };
  const { access } = accepted(WHOLE);
  assert.equal(access.keys.length, 1);
  assert.equal(Object.keys(access.keys[0]!).length, Object.keys(keyShape.shape).length);
  assert.ok(access.keysAreOn && access.adminListen && access.tls);
  assert.deepEqual(access.corsOrigins, accepted(MINIMAL).access.corsOrigins);
  assert.deepEqual(accepted(EXAMPLE).access, accepted(MINIMAL).access);
  const every = Object.entries(shapes).flatMap(([table, { shape }]) => {
    const keys = Object.keys(shape).sort();
    assert.deepEqual(keysIn(WHOLE, table), keys);
    return keys.map((key) => `${table}.${key}`);
  });
  assert.deepEqual(keysOf("auth.api_keys"), every.sort());
  assert.deepEqual(keysOf("requests_per_minute"), Object.keys(keyShape.shape).sort());
});

Deno.test("the page and the example show every key of a server", () => {
  const keys = Object.keys(serverShape.shape).sort();
  const full = accepted(WHOLE).servers.at(-1)!;
  // A certificate and its key are one member, and a false tls_skip_verify is omitted.
  assert.equal(Object.keys(full).length, keys.length - 2);
  const rows = tableWith(PAGE, "max_concurrent_requests");
  assert.deepEqual(keysOf("max_concurrent_requests"), keys);
  const [, capacity] = rows.find(([key]) => key === "max_concurrent_requests")!;
  assert.equal(Number(capacity), accepted(MINIMAL).servers[0]!.capacity);
});

Deno.test("the page and the example show every key of a source", () => {
  const { discovery } = accepted(WHOLE);
  assert.deepEqual(discovery.map(({ from: { kind } }) => kind), ["files", "dns", "kubernetes"]);
  assert.deepEqual(accepted(EXAMPLE).discovery, []);
  const [, ...tables] = WHOLE.split("[[discovery]]\n");
  const written = tables.join("").split("\n[config]")[0]!;
  const keys = [...written.matchAll(/^(\w+) = /gm)].map(([, key]) => key!);
  assert.deepEqual(keys.sort(), Object.keys(discoveryShape.shape).sort());
  const rows = (key: string) => tableWith(SOURCES, key).map(([first]) => first!).sort();
  assert.deepEqual(rows("defaults"), keys);
  const dns = Object.keys(sourceShapes.dns.unwrap().shape).sort();
  assert.deepEqual(rows("resolver"), dns);
  const kubernetes = Object.keys(kubernetesShape.shape).sort();
  assert.deepEqual(rows("service"), kubernetes);
  for (const [kind, known] of [["dns", dns], ["kubernetes", kubernetes]] as const) {
    const [, inExample] = new RegExp(`^${kind} = \\{ (.*) \\}$`, "m").exec(written)!;
    const keys = [...inExample!.matchAll(/(\w+) = /g)].map(([, key]) => key!);
    assert.deepEqual(keys.sort(), known);
  }
});
