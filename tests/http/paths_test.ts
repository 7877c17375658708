import assert from "node:assert/strict";
import fc from "fast-check";
import { pathOf, targetOf } from "../../src/http/paths.ts";
import { endpoints } from "../../src/vllm/endpoints.ts";
import { numRuns } from "../support/property.ts";

const asked = (url: string, host: string | null = null) => ({
  url,
  headers: new Headers(host === null ? [] : [["host", host]]),
});

const paths = endpoints.map(({ path }) => path);

Deno.test("a path is read without decoding and without the query", () => {
  for (
    const [url, path] of [
      ["http://a/v1/completions", "/v1/completions"],
      ["http://a/v1/completions?x=/sleep", "/v1/completions"],
      ["http://a/v1/%63ompletions", "/v1/%63ompletions"],
      ["http://a/v1/../sleep", "/v1/../sleep"],
      ["http://a//v1/completions", "//v1/completions"],
    ] as const
  ) assert.equal(pathOf(asked(url)), path);
});

Deno.test("a slash in the query or fragment is not a path", () => {
  const tails = [
    ":80",
    "?x",
    "?x=/v1/completions",
    "#/v1/completions",
    "/v1/completions#x",
    "\\v1/completions",
    "@b/v1/completions",
  ];
  for (const tail of tails) assert.equal(pathOf(asked(`http://a${tail}`)), "", tail);
});

Deno.test("an invalid Host results in no path, whatever the URL", () => {
  const url = "http://a/v1/completions";
  for (const host of ["/sleep?", "a/v1", "a?", "a#", "a b", "u:p@a", "a\\b", "\xff"]) {
    assert.equal(pathOf(asked(url, host)), "", host);
  }
  for (const host of ["", "a", "gpu_1.example:8080", "127.0.0.1:1", "[::1]:8080", "%C3%A9.x"]) {
    assert.equal(pathOf(asked(url, host)), "/v1/completions", host);
  }
});

Deno.test("the matched path and the forwarded path are the same", () => {
  const piece = fc.oneof(
    fc.constantFrom("/", "//", "?", "#", ":", "\\", "@", "%2f", "sleep", "..", ...paths),
    fc.string({ maxLength: 4 }),
  );
  const text = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
  const target = fc.oneof(fc.constantFrom(...paths), text.map((text) => `/${text}`));
  let found = 0;
  fc.assert(
    fc.property(text, target, (host, target) => {
      let headers;
      try {
        headers = new Headers([["host", host]]);
      } catch {
        return; // No request can have such a URL.
      }
      const url = `http://${host}${target}`;
      const path = pathOf({ url, headers });
      if (!paths.includes(path)) return;
      found++;
      assert.equal(targetOf(url).split("?")[0], path);
    }),
    { numRuns },
  );
  assert.ok(found > 0);
});
