import assert from "node:assert/strict";
import type { ServerConfig } from "../../src/config/config.ts";
import type { Discovery } from "../../src/config/discovery.ts";
import type { DiscoveredServer, SourceListener } from "../../src/discovery/source.ts";
import { type Listed, type SourcesOptions, watchSources } from "../../src/discovery/sources.ts";
import { configOf } from "../support/config.ts";
import { until } from "../support/until.ts";

/** A source that reports what the test says. */
interface FakeSource extends SourceListener {
  readonly entry: Discovery;
  isStopped: boolean;
}

const LISTED = configOf([{ url: "http://listed" }]).servers;

function entry(name: string, capacity = 3): Discovery {
  return {
    name,
    from: { kind: "files", patterns: [] },
    scheme: "http",
    defaults: { capacity },
  };
}

function found(...hosts: string[]): DiscoveredServer[] {
  return hosts.map((host) => ({
    config: { url: `http://${host}`, name: host, capacity: 3 },
    draining: false,
  }));
}

/** Watches fake sources, and notes the servers and what was told. */
function watch(config: Listed, added?: SourcesOptions["added"]) {
  const started: FakeSource[] = [];
  const lists: string[][] = [];
  const told: string[] = [];
  const sources = watchSources(config, {
    ...(added && { added }),
    onServers: (servers: readonly ServerConfig[]) =>
      void lists.push(servers.map(({ name }) => name)),
    start: (entry) => (listener) => {
      const source: FakeSource = { ...listener, entry, isStopped: false };
      started.push(source);
      return { stop: async () => await void (source.isStopped = true) };
    },
    listener: () => ({
      sourceChanged: ({ source, servers, added, removed }) =>
        void told.push(`${source}: ${servers} (+${added}, -${removed})`),
      sourceFailed: (source, reason) => void told.push(`${source} failed: ${reason}`),
      sourceRecovered: (source) => void told.push(`${source} recovered`),
      serverNamedTwice: ({ url, kept, ignored }) => void told.push(`${url} ${kept} ${ignored}`),
    }),
  });
  return {
    sources,
    started,
    lists,
    told,
    source: (name: string) => started.findLast(({ entry }) => entry.name === name)!,
    has: (...names: string[]) =>
      until(`the servers are ${names}`, () => lists.at(-1)?.join() === names.join()),
    [Symbol.asyncDispose]: () => sources.stop(),
  };
}

const config = (...discovery: Discovery[]): Listed => ({ servers: LISTED, discovery });

Deno.test("a source's servers join the listed ones, and what one loses doesn't touch the others'", async () => {
  await using watched = watch(config(entry("one"), entry("two")));
  watched.source("one").onServers(found("a", "b"));
  watched.source("two").onServers(found("c"));
  await watched.has("listed", "a", "b", "c");
  watched.source("one").onServers([]);
  await watched.has("listed", "c");
  assert.deepEqual(watched.told, ["one: 2 (+2, -0)", "two: 1 (+1, -0)", "one: 0 (+0, -2)"]);
  assert.deepEqual(watched.sources.status().map(({ name, servers }) => [name, servers]), [
    ["one", 0],
    ["two", 1],
  ]);
});

Deno.test("a source that can't be read keeps its servers, and is told of once per reason", async () => {
  await using watched = watch(config(entry("one")));
  const one = watched.source("one");
  one.onServers(found("a"));
  await watched.has("listed", "a");
  for (const reason of ["away", "away", "other"]) {
    one.onFailure(reason);
    await until("it is shown", () => watched.sources.status()[0]!.failure?.reason === reason);
  }
  const { since } = watched.sources.status()[0]!.failure!;
  // What is both read and not: some of its files are invalid.
  one.onServers(found("a", "b"));
  one.onFailure("other");
  await watched.has("listed", "a", "b");
  assert.deepEqual(watched.sources.status()[0], {
    name: "one",
    servers: 2,
    failure: { reason: "other", since },
  });
  one.onServers(found("a", "b"));
  await until("it has recovered", () => watched.sources.status()[0]!.failure === undefined);
  assert.deepEqual(watched.told, [
    "one: 1 (+1, -0)",
    "one failed: away",
    "one failed: other",
    "one: 2 (+1, -0)",
    "one recovered",
  ]);
});

Deno.test("changes that come at once are one change of the fleet", async () => {
  await using watched = watch(config(entry("one")));
  const one = watched.source("one");
  const from = performance.now();
  for (let i = 0; i < 100; i++) {
    one.onServers(found(`a${i}`));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await watched.has("listed", "a99");
  // One at once, and then one in 100 ms.
  assert.ok(
    watched.lists.length <= 2 + (performance.now() - from) / 100,
    `${watched.lists.length}`,
  );
});

Deno.test("a report that changes nothing changes nothing", async () => {
  await using watched = watch(config(entry("one"), entry("two")));
  watched.source("one").onServers(found("a"));
  await watched.has("listed", "a");
  watched.source("one").onServers(found("a"));
  watched.source("two").onServers(found("b"));
  await watched.has("listed", "a", "b");
  watched.source("one").onServers(found("a"));
  watched.source("two").onServers([]);
  await watched.has("listed", "a");
  assert.equal(watched.lists.length, 3);
});

Deno.test("a server that two places name is told of once, until that ends", async () => {
  await using watched = watch(config(entry("one"), entry("two")));
  const [one, two] = ["one", "two"].map(watched.source);
  one!.onServers(found("listed", "a"));
  two!.onServers(found("a", "b"));
  await watched.has("listed", "a", "b");
  two!.onServers(found("a", "c"));
  await watched.has("listed", "a", "c");
  const twice = () => watched.told.filter((line) => line.startsWith("http://"));
  assert.deepEqual(twice(), ["http://listed undefined one", "http://a one two"]);
});

Deno.test("a source of more servers than the router takes is a failure", async () => {
  await using watched = watch(config(entry("one")));
  const one = watched.source("one");
  one.onServers(found("a"));
  await watched.has("listed", "a");
  one.onServers(found(...Array.from({ length: 5_001 }, (_, i) => `a${i}`)));
  await until("it has failed", () => watched.sources.status()[0]!.failure !== undefined);
  assert.equal(watched.told.at(-1), "one failed: it has 5001 servers, expected at most 5000");
  assert.deepEqual(watched.lists.at(-1), ["listed", "a"]);
});

Deno.test("a reload leaves sources alone whose entry is the same, and stops those that are gone", async () => {
  await using watched = watch(config(entry("one"), entry("two")));
  watched.source("one").onServers(found("a"));
  watched.source("two").onServers(found("b"));
  await watched.has("listed", "a", "b");
  watched.sources.update({ servers: [], discovery: [entry("two")] });
  assert.deepEqual(watched.lists.at(-1), ["b"], "at once");
  assert.deepEqual(watched.started.map(({ isStopped }) => isStopped), [true, false]);
  watched.source("one").onServers(found("late"));
  watched.source("two").onServers(found("c"));
  await watched.has("c");
});

Deno.test("a source that replaces another leaves no moment without servers", async () => {
  await using watched = watch(config(entry("one")));
  watched.source("one").onServers(found("a"));
  await watched.has("listed", "a");
  watched.sources.update({ servers: [], discovery: [entry("new")] });
  assert.deepEqual(watched.lists.at(-1), ["listed", "a"], "until the new one has reported");
  watched.source("new").onServers(found("b"));
  await watched.has("b");
});

Deno.test("a source whose entry has changed keeps its servers while it can't be read", async () => {
  await using watched = watch(config(entry("one")));
  watched.source("one").onServers(found("a"));
  await watched.has("listed", "a");
  watched.sources.update(config(entry("one", 8)));
  assert.equal(watched.started.length, 2);
  watched.source("one").onFailure("away");
  await until("it has failed", () => watched.sources.status()[0]!.failure !== undefined);
  assert.deepEqual(watched.lists.at(-1), ["listed", "a"]);
  watched.source("one").onServers(found("b"));
  await watched.has("listed", "b");
});

Deno.test("sources are settled when each has reported, or failed, and that is in effect", async () => {
  await using watched = watch(config(entry("one"), entry("two")));
  let isSettled = false;
  const settled = watched.sources.settled().then(() => isSettled = true);
  watched.source("one").onServers(found("a"));
  await watched.has("listed", "a");
  assert.equal(isSettled, false);
  watched.source("two").onFailure("away");
  await settled;
  await watch(config()).sources.settled();
});

/** A source besides those of the configuration. */
function addedSource() {
  let listener: SourceListener | undefined;
  return {
    name: "api",
    report: (...hosts: string[]) => listener!.onServers(found(...hosts)),
    start(heard: SourceListener) {
      listener = heard;
      heard.onServers([]);
      return { stop: () => Promise.resolve() };
    },
  };
}

Deno.test("servers that were added come last, and their source is shown only while it has any", async () => {
  const added = addedSource();
  await using watched = watch(config(entry("one")), added);
  watched.source("one").onServers(found("a"));
  await watched.has("listed", "a");
  await watched.sources.settled();
  assert.deepEqual(watched.sources.status().map(({ name }) => name), ["one"]);
  added.report("listed", "b");
  await watched.sources.applied();
  assert.deepEqual(watched.lists.at(-1), ["listed", "a", "b"]);
  assert.deepEqual(watched.sources.status().map(({ name }) => name), ["one", "api"]);
  added.report();
  await watched.sources.applied();
  assert.deepEqual(watched.sources.status().map(({ name }) => name), ["one"]);
  assert.deepEqual(watched.told, [
    "one: 1 (+1, -0)",
    "http://listed undefined api",
    "api: 2 (+2, -0)",
    "api: 0 (+0, -2)",
  ]);
});

Deno.test("a reload leaves added servers alone", async () => {
  const added = addedSource();
  await using watched = watch(config(), added);
  added.report("b");
  await watched.has("listed", "b");
  watched.sources.update({ servers: [], discovery: [] });
  assert.deepEqual(watched.lists.at(-1), ["b"]);
});
