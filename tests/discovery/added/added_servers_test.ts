import assert from "node:assert/strict";
import { MOST_ADDED, openAddedServers } from "../../../src/discovery/added/added_servers.ts";
import { noteReports } from "../reports.ts";

function opened(variables: Readonly<Record<string, string>> = {}) {
  const noted = { changes: 0 };
  const added = openAddedServers({
    env: (name) => variables[name],
    proxy: () => undefined,
    onChange: () => void noted.changes++,
  });
  return { added, noted };
}

const savedOf = (added: ReturnType<typeof opened>["added"]) =>
  JSON.parse([...added.save()].join(""));

Deno.test("servers are reported as they are added, replaced and removed", async () => {
  const { added, noted } = opened();
  await using reports = noteReports(added.start);
  assert.deepEqual(reports.urls, [], "at once, so that nothing waits for it");
  added.put({ url: "http://a:1" });
  added.put({ url: "http://b:1/v1" });
  assert.deepEqual(reports.urls, ["http://a:1", "http://b:1"]);
  added.put({ url: "http://a:1", max_concurrent_requests: 8 });
  assert.deepEqual(reports.configs.map(({ capacity }) => capacity), [8, 3]);
  assert.deepEqual([added.remove("http://a:1"), added.remove("http://a:1")], [true, false]);
  assert.deepEqual(reports.urls, ["http://b:1"]);
  assert.equal(noted.changes, 4);
});

Deno.test("an invalid server changes nothing", async () => {
  const { added, noted } = opened();
  await using reports = noteReports(added.start);
  assert.equal(added.put({ url: "nonsense" }).ok, false);
  assert.deepEqual([reports.urls, noted.changes], [[], 0]);
});

Deno.test("what is saved is restored, but for keys that are no reference", () => {
  const { added } = opened({ VLLM_API_KEY_B: "secret-b" });
  added.put({ url: "http://a:1", name: "a", models: ["m"], api_key: "secret" });
  added.put({ url: "http://b:1", api_key: "${VLLM_API_KEY_B}" });
  const saved = savedOf(added);
  assert.doesNotMatch(JSON.stringify(saved), /secret/);
  const { added: next } = opened({ VLLM_API_KEY_B: "secret-b" });
  assert.equal(next.restore(saved), undefined);
  assert.deepEqual(savedOf(next), saved);
  assert.deepEqual(savedOf(opened().added), []);
});

Deno.test("a server whose variable isn't set is restored without a key, and keeps the reference", async () => {
  const { added } = opened();
  await using reports = noteReports(added.start);
  const saved = [{ url: "http://b:1", api_key: "${VLLM_API_KEY_B}" }];
  assert.match(
    added.restore(saved)!,
    /^list\[0\]\.api_key: the environment variable "VLLM_API_KEY_B"/,
  );
  assert.deepEqual(reports.urls, ["http://b:1"]);
  assert.equal(reports.configs[0]!.apiKey, undefined);
  assert.equal(savedOf(added)[0].api_key, "${VLLM_API_KEY_B}");
});

Deno.test("of a crafted list, what is valid is restored, and what is not is told", async () => {
  const { added } = opened();
  await using reports = noteReports(added.start);
  const list = [null, 7, [], { url: "http://a:1" }, { url: "ftp://b" }, { url: {}, name: "c" }];
  assert.match(added.restore(list)!, /^list\[0\].*\(and \d+ more\)$/);
  assert.deepEqual(reports.urls, ["http://a:1"]);
  for (const other of [null, 7, "x", {}, Array(MOST_ADDED + 1).fill({ url: "http://a:1" })]) {
    assert.match(added.restore(other)!, /^list: expected a list of up to 1000 servers/);
  }
  assert.deepEqual(reports.urls, ["http://a:1"]);
});

Deno.test("no more servers than the most are added, but those there are can be changed", () => {
  const { added } = opened();
  for (let i = 0; i < MOST_ADDED; i++) assert.ok(added.put({ url: `http://a${i}:1` }).ok);
  const checked = added.put({ url: "http://b:1" });
  assert.ok(!checked.ok);
  assert.match(checked.problems[0]!.what, /1000 servers have been added, and no more can be/);
  assert.ok(added.put({ url: "http://a7:1", name: "seven" }).ok);
  assert.equal(added.count(), MOST_ADDED);
});
