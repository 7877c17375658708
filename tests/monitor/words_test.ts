import assert from "node:assert/strict";
import { countsOf, inWords } from "../../src/monitor/words.ts";

Deno.test("an outcome is told in words, and one of another version as it is", () => {
  assert.equal(inWords("refused"), "no connection");
  for (const unknown of ["ok", "later", "constructor", "toString", "__proto__"]) {
    assert.equal(inWords(unknown as "ok"), unknown);
  }
});

Deno.test("a configuration without servers and sources is said to have none", () => {
  const counts = (servers: number, discovery: number) =>
    countsOf({ servers: Array(servers), discovery: Array(discovery) });
  assert.deepEqual([counts(0, 0), counts(1, 0), counts(2, 1), counts(0, 2)], [
    "no servers",
    "1 server",
    "2 servers and 1 source",
    "2 sources",
  ]);
});
