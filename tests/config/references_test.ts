import assert from "node:assert/strict";
import fc from "fast-check";
import { expandEnv, readReferences, type References } from "../../src/config/references.ts";
import type { Diagnostic } from "../../src/config/diagnostic.ts";
import { lines } from "../support/config.ts";
import { numRuns } from "../support/property.ts";

const OUTSIDE: References = {
  resolve: (name) => name,
  env: (name) => ({ KEY: "secret", TEAM: "blue", EMPTY: "", NESTED: "${KEY}" })[name],
  file(name) {
    if (name === "keys.toml") return "the text";
    throw new Error("no such file");
  },
};

for (
  const [text, expanded] of [
    ["", ""],
    ["plain", "plain"],
    ["${KEY}", "secret"],
    ["a-${TEAM}-${KEY}-${TEAM}", "a-blue-secret-blue"],
    ["$KEY {KEY} $", "$KEY {KEY} $"],
    // The value of a variable is not expanded again.
    ["${NESTED}", "${KEY}"],
  ] as const
) {
  Deno.test(`${JSON.stringify(text)} becomes ${JSON.stringify(expanded)}`, () => {
    const problems: Diagnostic[] = [];
    assert.equal(expandEnv(text, "at", OUTSIDE, problems), expanded);
    assert.deepEqual(problems, []);
  });
}

for (const name of ["MISSING", "EMPTY", "", "A=B", "1A", "A B"]) {
  Deno.test(`a variable called ${JSON.stringify(name)} is a problem that names it`, () => {
    const problems: Diagnostic[] = [];
    expandEnv(`x-\${${name}}`, "at", OUTSIDE, problems);
    const what = `the environment variable ${JSON.stringify(name)} is not set`;
    assert.equal(lines(problems), `at: ${what}`);
  });
}

Deno.test("any text is fully expanded or is a problem", () => {
  const part = fc.oneof(fc.string(), fc.constantFrom("${", "}", "$", "${KEY}", "${MISSING}"));
  fc.assert(
    fc.property(fc.array(part).map((parts) => parts.join("")), (text) => {
      const problems: Diagnostic[] = [];
      const expanded = expandEnv(text, "at", OUTSIDE, problems);
      const written = text.replaceAll("${KEY}", "secret").replaceAll("${TEAM}", "blue");
      if (problems.length === 0 && !text.includes("${NESTED}")) assert.equal(expanded, written);
    }),
    { numRuns },
  );
});

Deno.test("a named file is read, and no name is not a problem", () => {
  const problems: Diagnostic[] = [];
  assert.equal(readReferences("keys.toml", "at", OUTSIDE, problems), "the text");
  assert.equal(readReferences(undefined, "at", OUTSIDE, problems), undefined);
  assert.deepEqual(problems, []);
});

Deno.test("an unreadable file is a problem with its name and the reason", () => {
  const problems: Diagnostic[] = [];
  assert.equal(readReferences("missing", "tls.cert", OUTSIDE, problems), undefined);
  assert.equal(lines(problems), `tls.cert: "missing" no such file`);
});

Deno.test("a file's contents given instead of its name are not shown", () => {
  const problems: Diagnostic[] = [];
  const pem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  assert.equal(readReferences(pem, "tls.key", OUTSIDE, problems), undefined);
  assert.equal(
    lines(problems),
    "tls.key: expected a file name; the value is not shown",
  );
});
