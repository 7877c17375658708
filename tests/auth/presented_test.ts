import assert from "node:assert/strict";
import fc from "fast-check";
import { presentedKey } from "../../src/auth/presented.ts";
import { numRuns } from "../support/property.ts";

const basic = (text: string) => `Basic ${btoa(text)}`;

for (
  const [what, headers, key] of [
    ["nothing", {}, undefined],
    ["a bearer token", { authorization: "Bearer k-1" }, "k-1"],
    ["a bearer token in other letters", { authorization: "bEARER k-1" }, "k-1"],
    ["a bearer token with spaces around it", { authorization: "Bearer   k-1  " }, "k-1"],
    ["x-api-key", { "x-api-key": "k-1" }, "k-1"],
    ["a password", { authorization: basic("anybody:k-1") }, "k-1"],
    ["a password without a name", { authorization: basic(":k-1") }, "k-1"],
    ["a password with colons", { authorization: basic("a:k:1:") }, "k:1:"],
    ["a name without a password", { authorization: basic("k-1") }, undefined],
    ["an empty password", { authorization: basic("a:") }, ""],
    ["what is no base64", { authorization: "Basic ***" }, undefined],
    ["a key without a scheme", { authorization: "k-1" }, undefined],
    ["a scheme without a key", { authorization: "Bearer " }, undefined],
    ["two words", { authorization: "Bearer k 1" }, undefined],
    ["two bearer tokens", { authorization: "Bearer a, Bearer b" }, undefined],
    ["another scheme", { authorization: "Digest k-1" }, undefined],
    ["both headers", { authorization: "Bearer k-1", "x-api-key": "k-2" }, "k-1"],
    [
      "a header that is none of ours beside x-api-key",
      { authorization: "Digest x", "x-api-key": "k-2" },
      undefined,
    ],
  ] as [string, Record<string, string>, string | undefined][]
) {
  Deno.test(`who shows ${what} shows ${key === undefined ? "no key" : JSON.stringify(key)}`, () => {
    assert.equal(presentedKey(new Headers(headers), true), key);
    // Without a browser's password being welcome, all others are as they were.
    const isPassword = /^basic /i.test(headers.authorization ?? "");
    assert.equal(presentedKey(new Headers(headers), false), isPassword ? undefined : key);
  });
}

Deno.test("every key of one word comes out as it went in, and no head whatever makes it throw", () => {
  const word = fc.stringMatching(/^[!-~]{1,80}$/);
  const value = fc.stringMatching(/^[\t -~\x80-\xff]{0,80}$/);
  fc.assert(
    fc.property(word, value, value, (key, authorization, other) => {
      assert.equal(presentedKey(new Headers({ authorization: `Bearer ${key}` }), true), key);
      assert.equal(presentedKey(new Headers({ "x-api-key": key }), true), key);
      assert.equal(presentedKey(new Headers({ authorization: basic(`name:${key}`) }), true), key);
      presentedKey(new Headers({ authorization, "x-api-key": other }), true);
      presentedKey(new Headers({ authorization: `Basic ${authorization}` }), true);
    }),
    { numRuns },
  );
});
