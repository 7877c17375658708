import assert from "node:assert/strict";
import fc from "fast-check";
import { clientAddress, isTrusted } from "../../src/http/client_address.ts";
import { numRuns } from "../support/property.ts";

for (
  const [address, networks, trusted] of [
    ["10.1.2.3", [], false],
    ["10.1.2.3", ["10.1.2.3"], true],
    ["10.1.2.4", ["10.1.2.3"], false],
    ["10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"], true],
    ["11.1.2.3", ["10.0.0.0/8"], false],
    ["10.1.2.3", ["10.1.2.3/32"], true],
    ["10.1.2.4", ["10.1.2.3/32"], false],
    ["192.0.2.1", ["0.0.0.0/0"], true],
    ["::1", ["::1"], true],
    ["::1", ["0:0:0::1/128"], true],
    ["fd00::5", ["fd00::/8"], true],
    ["::1", ["127.0.0.1"], false],
    // A dual-stack socket writes IPv4 addresses this way.
    ["::ffff:10.1.2.3", ["10.0.0.0/8"], true],
    ["", ["0.0.0.0/0", "::/0"], false],
    ["localhost", ["0.0.0.0/0", "::/0"], false],
  ] as [string, string[], boolean][]
) {
  Deno.test(`${address || "nothing"} is ${trusted ? "" : "not "}one of ${networks.join(", ") || "none"}`, () => {
    assert.equal(isTrusted(address, networks), trusted);
    assert.equal(isTrusted(address, networks), trusted, "asked again");
  });
}

const PROXIES = ["10.0.0.0/8", "fd00::/8"];
const PEER = "10.0.0.1";

for (
  const [forwarded, client] of [
    [null, PEER],
    ["", PEER],
    ["192.0.2.7", "192.0.2.7"],
    ["192.0.2.7, 10.0.0.2", "192.0.2.7"],
    [" 192.0.2.7 ,10.0.0.2,fd00::2 ", "192.0.2.7"],
    ["2001:db8::1, 10.0.0.2", "2001:db8::1"],
    // The client forged the first entry.
    ["198.51.100.1, 192.0.2.7", "192.0.2.7"],
    ["10.0.0.9, 192.0.2.7", "192.0.2.7"],
    // Only proxies: the farthest one.
    ["10.0.0.3, 10.0.0.2", "10.0.0.3"],
    // An invalid address ends the trusted part.
    ["192.0.2.7, unknown, 10.0.0.2", "10.0.0.2"],
    ["192.0.2.7:1234", "192.0.2.7"],
    ["[2001:DB8::1]:443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ['"[2001:db8::1]:443"', "2001:db8::1"],
    ['"192.0.2.7:1234", 10.0.0.2:80', "192.0.2.7"],
    ['"unclosed, 192.0.2.7', "192.0.2.7"],
    ["192.0.2.7:", PEER],
    ["192.0.2.7:port", PEER],
    ["[192.0.2.7", PEER],
    ["_hidden", PEER],
    ["192.0.2.7,", PEER],
  ] as const
) {
  Deno.test(`X-Forwarded-For: ${JSON.stringify(forwarded)} makes ${client} the client`, () => {
    const headers = new Headers(forwarded === null ? {} : { "x-forwarded-for": forwarded });
    assert.equal(clientAddress(headers, PEER, PROXIES), client);
  });
}

for (
  const [forwarded, client] of [
    ["for=192.0.2.43", "192.0.2.43"],
    ["For=192.0.2.43:47011;proto=http;by=203.0.113.43", "192.0.2.43"],
    ['proto=https; for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"],
    ["for=198.51.100.1, for=192.0.2.43;host=a, for=10.0.0.2", "192.0.2.43"],
    ["for=192.0.2.43, for=unknown", PEER],
    ["for=192.0.2.43, for=_hidden", PEER],
    ["for=192.0.2.43, by=10.0.0.2", PEER],
    ["before=192.0.2.43", PEER],
    ["", PEER],
  ] as const
) {
  Deno.test(`Forwarded: ${forwarded} makes ${client} the client`, () => {
    assert.equal(clientAddress(new Headers({ forwarded }), PEER, PROXIES), client);
    const both = new Headers({ forwarded, "x-forwarded-for": "192.0.2.7" });
    assert.equal(clientAddress(both, PEER, PROXIES), "192.0.2.7", "X-Forwarded-For comes first");
  });
}

Deno.test("anything before the last proxy's own entry has no effect", () => {
  const written = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom("unknown", "10.0.0.1", "fe80::1%x", "a, b", ",", "1.2.3.4:5", "[::1]:5"),
    fc.stringMatching(/^[ -~]{0,30}$/),
  );
  fc.assert(
    fc.property(fc.array(written, { maxLength: 5 }), fc.array(fc.ipV4()), (before, proxies) => {
      const inside = proxies.map((address) => address.replace(/^\d+/, "10"));
      const client = "192.0.2.7";
      const headers = new Headers({ "x-forwarded-for": [...before, client, ...inside].join(",") });
      assert.equal(clientAddress(headers, PEER, PROXIES), client);
      // Any header on its own results in a valid address, too.
      const alone = new Headers({ "x-forwarded-for": before.join(",") });
      assert.match(clientAddress(alone, PEER, PROXIES), /^[\da-f.:]+(%\S+)?$/i);
    }),
    { numRuns },
  );
});
