import assert from "node:assert/strict";

const TESTS = new URL("../", import.meta.url);
const text = Deno.readTextFileSync(new URL("../../docs/security.md", import.meta.url));

Deno.test("every threat in docs/security.md names a defence and existing tests", () => {
  const [, table] = text.split("\n## Threats\n");
  const rows = table!.split("\n## ")[0]!.split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.ok(rows.length >= 20, `${rows.length}`);
  for (const [who, what, defence, tests] of rows) {
    assert.ok(who && what && defence, who);
    const named = [...tests!.matchAll(/`([^`]+)`/g)].map(([, path]) => path!);
    assert.ok(named.length > 0, what);
    for (const path of named) assert.ok(Deno.statSync(new URL(path, TESTS)).isFile, path);
  }
  const named = new Set([...text.matchAll(/`security\/(\w+_test\.ts)`/g)].map(([, name]) => name));
  const all = [...Deno.readDirSync(new URL("security/", TESTS))].map(({ name }) => name)
    .filter((name) => name.endsWith("_test.ts"))
    // These test the test support.
    .filter((name) => !["strict_server_test.ts", "documented_test.ts"].includes(name));
  assert.deepEqual(all.filter((name) => !named.has(name)), []);
});

Deno.test("docs/security.md has no TODO", () => {
  assert.doesNotMatch(text, /TODO/);
});
