import assert from "node:assert/strict";
import { inWords } from "../../src/monitor/words.ts";

Deno.test("an outcome is told in words, and one of another version as it is", () => {
  assert.equal(inWords("refused"), "no connection");
  for (const unknown of ["ok", "later", "constructor", "toString", "__proto__"]) {
    assert.equal(inWords(unknown as "ok"), unknown);
  }
});
