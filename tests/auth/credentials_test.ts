import assert from "node:assert/strict";
import fc from "fast-check";
import { credentialsIn } from "../../src/auth/credentials.ts";
import { numRuns } from "../support/property.ts";

const basic = (text: string) => `Basic ${btoa(text)}`;

for (
  const [what, headers, ...keys] of [
    ["nothing", {}],
    ["a bearer token", { authorization: "Bearer k-1" }, "k-1"],
    ["a bearer token in another case", { authorization: "bEARER k-1" }, "k-1"],
    ["a bearer token with spaces around it", { authorization: "Bearer   k-1  " }, "k-1"],
    ["x-api-key", { "x-api-key": "k-1" }, "k-1"],
    ["api-key", { "api-key": "k-1" }, "k-1"],
    ["a password", { authorization: basic("anybody:k-1") }, "k-1"],
    ["a password without a name", { authorization: basic(":k-1") }, "k-1"],
    ["a password with colons", { authorization: basic("a:k:1:") }, "k:1:"],
    ["a name without a password", { authorization: basic("k-1") }],
    ["an empty password", { authorization: basic("a:") }, ""],
    ["invalid base64", { authorization: "Basic ***" }],
    ["a key without a scheme", { authorization: "k-1" }],
    ["a scheme without a key", { authorization: "Bearer " }],
    ["two words", { authorization: "Bearer k 1" }],
    ["two bearer tokens", { authorization: "Bearer a, Bearer b" }],
    ["another scheme", { authorization: "Digest k-1" }],
    ["another scheme next to x-api-key", { authorization: "Digest x", "x-api-key": "k-2" }, "k-2"],
    [
      "all headers",
      { "api-key": "k-3", authorization: "Bearer k-1", "x-api-key": "k-2" },
      "k-1",
      "k-2",
      "k-3",
    ],
  ] as [string, Record<string, string>, ...string[]][]
) {
  Deno.test(`a client that sends ${what} presents ${keys.length === 0 ? "no key" : JSON.stringify(keys)}`, () => {
    assert.deepEqual(credentialsIn(new Headers(headers), true), keys);
    // Without `byPassword`, all other keys stay the same.
    const isPassword = /^basic /i.test(headers.authorization ?? "");
    assert.deepEqual(credentialsIn(new Headers(headers), false), isPassword ? [] : keys);
  });
}

Deno.test("every key without spaces is returned unchanged, and no header makes it throw", () => {
  const word = fc.stringMatching(/^[!-~]{1,80}$/);
  const value = fc.stringMatching(/^[\t -~\x80-\xff]{0,80}$/);
  fc.assert(
    fc.property(word, value, value, (key, authorization, other) => {
      assert.deepEqual(credentialsIn(new Headers({ authorization: `Bearer ${key}` }), true), [key]);
      assert.deepEqual(credentialsIn(new Headers({ "x-api-key": key }), true), [key]);
      assert.deepEqual(credentialsIn(new Headers({ authorization: basic(`name:${key}`) }), true), [
        key,
      ]);
      credentialsIn(new Headers({ authorization, "x-api-key": other }), true);
      credentialsIn(new Headers({ authorization: `Basic ${authorization}` }), true);
    }),
    { numRuns },
  );
});
