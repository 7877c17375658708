import assert from "node:assert/strict";
import fc from "fast-check";
import type { ServerConfig } from "../../src/config/config.ts";
import { merge } from "../../src/discovery/merge.ts";
import type { DiscoveredServer } from "../../src/discovery/source.ts";
import { configOf } from "../support/config.ts";
import { numRuns } from "../support/property.ts";

function found(host: string, more: Partial<ServerConfig> = {}, draining = false): DiscoveredServer {
  return { config: { url: `http://${host}`, name: host, capacity: 3, ...more }, draining };
}

const [LISTED] = configOf([{ url: "http://a", max_concurrent_requests: 9 }]).servers;

Deno.test("the file's servers come first, then each source's, with its name", () => {
  const { servers, duplicates } = merge([LISTED!], [
    { source: "dns x", servers: [found("b"), found("c", {}, true)] },
    { source: "files y", servers: [found("d")] },
  ]);
  assert.deepEqual(servers, [
    LISTED,
    { ...found("b").config, source: "dns x" },
    { ...found("c").config, source: "dns x", draining: true },
    { ...found("d").config, source: "files y" },
  ]);
  assert.deepEqual(duplicates, []);
});

Deno.test("of a server named twice the file's description counts, then the earlier source's", () => {
  const { servers, duplicates } = merge([LISTED!], [
    { source: "one", servers: [found("a"), found("b", { capacity: 1 }), found("b")] },
    { source: "two", servers: [found("b", { capacity: 2 }), found("b")] },
  ]);
  assert.deepEqual(servers.map(({ url, capacity }) => [url, capacity]), [
    ["http://a", 9],
    ["http://b", 1],
  ]);
  assert.deepEqual(duplicates, [
    { url: "http://a", kept: undefined, ignored: "one" },
    { url: "http://b", kept: "one", ignored: "two" },
  ]);
});

Deno.test("servers that share a name are called by their addresses, the file's by its name", () => {
  const [named] = configOf([{ url: "http://x", name: "gpu" }]).servers;
  const names = (...servers: DiscoveredServer[]) =>
    merge([named!], [{ source: "s", servers }]).servers.map(({ name }) => name);
  assert.deepEqual(names(found("a", { name: "gpu" })), ["gpu", "a"]);
  assert.deepEqual(
    names(found("a", { name: "pod" }), found("b", { name: "pod" }), found("c", { name: "one" })),
    ["gpu", "a", "b", "one"],
  );
  assert.deepEqual(
    names(found("a"), { ...found("a"), config: { ...found("a").config, url: "https://a" } }),
    ["gpu", "http://a", "https://a"],
  );
});

Deno.test("what didn't change is the same object, so that its connections are found", () => {
  const reports = () => [{
    source: "s",
    servers: [found("a", { models: ["m", "n"] }), found("b", {}, true)],
  }];
  const before = merge([], reports()).servers;
  const after = merge([], reports(), before).servers;
  assert.ok(after.every((server, index) => server === before[index]));
  const changed = merge([], [{
    source: "s",
    servers: [found("a", { models: ["m,n"] }), found("b")],
  }], before).servers;
  assert.ok(changed.every((server, index) => server !== before[index]));
});

Deno.test("addresses and names are unique, whatever the sources say", () => {
  const host = fc.constantFrom("a", "b", "c", "d:1");
  const server = fc.tuple(host, fc.constantFrom("a", "b", "gpu", "x"), fc.boolean())
    .map(([host, name, draining]) => found(host, { name }, draining));
  const report = fc.record({
    source: fc.constantFrom("one", "two"),
    servers: fc.array(server, { maxLength: 6 }),
  });
  fc.assert(
    fc.property(fc.array(report, { maxLength: 3 }), (reports) => {
      const { servers } = merge([LISTED!], reports);
      assert.equal(servers[0], LISTED);
      for (const key of ["url", "name"] as const) {
        assert.equal(new Set(servers.map((server) => server[key])).size, servers.length);
      }
    }),
    { numRuns },
  );
});
