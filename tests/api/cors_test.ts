import assert from "node:assert/strict";
import fc from "fast-check";
import { corsHeaders } from "../../src/api/cors.ts";
import { numRuns } from "../support/property.ts";

const APP = "https://app.example";

for (
  const [what, origin, allowed, headers] of [
    ["any page where all may", "https://a.example", ["*"], { "access-control-allow-origin": "*" }],
    ["a program where all may", null, ["*"], { "access-control-allow-origin": "*" }],
    ["all where others are named beside", "https://a.example", [APP, "*"], {
      "access-control-allow-origin": "*",
    }],
    ["a page of an origin that may", APP, ["https://b.example", APP], {
      "access-control-allow-origin": APP,
      vary: "origin",
    }],
    ["a page of another origin", "https://evil.example", [APP], { vary: "origin" }],
    ["a page of an origin that begins alike", `${APP}.evil.example`, [APP], { vary: "origin" }],
    ["a page of the same host by another scheme", "http://app.example", [APP], { vary: "origin" }],
    ["a page without an origin of its own", "null", [APP], { vary: "origin" }],
    ["a program where some may", null, [APP], { vary: "origin" }],
    ["a page where none may", APP, [], {}],
  ] as [string, string | null, string[], Record<string, string>][]
) {
  Deno.test(`${what}: ${JSON.stringify(headers)}`, () => {
    assert.deepEqual(Object.fromEntries(corsHeaders(origin, allowed)), headers);
  });
}

Deno.test("only a listed origin is echoed, and never with credentials", () => {
  const origin = fc.oneof(fc.webUrl(), fc.string(), fc.constantFrom(APP, "null", "*"));
  fc.assert(
    fc.property(
      origin,
      fc.array(fc.constantFrom<string>(APP, "https://b.example")),
      (origin, allowed) => {
        const headers = new Map(corsHeaders(origin, allowed));
        const told = headers.get("access-control-allow-origin");
        assert.equal(told, allowed.includes(origin) ? origin : undefined);
        assert.equal(headers.has("access-control-allow-credentials"), false);
        assert.equal(headers.get("vary"), allowed.length > 0 ? "origin" : undefined);
      },
    ),
    { numRuns },
  );
});
