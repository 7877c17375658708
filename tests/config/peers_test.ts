import assert from "node:assert/strict";
import { checkConfig } from "../../src/config/schema.ts";

const servers = { servers: [{ url: "http://gpu-1:8000" }] };
const admin = { listen: "0.0.0.0:9090" };
const KEY = "a-key-of-the-routers";

function check(peers: unknown, others: Record<string, unknown> = { admin }) {
  return checkConfig(
    { servers, ...others, peers },
    (name) => name === "PEER_KEY" ? KEY : undefined,
  );
}

function problemsOf(peers: unknown, others?: Record<string, unknown>): string[] {
  const checked = check(peers, others);
  assert.ok(!checked.ok);
  return checked.problems.map(({ where, what }) => `${where}: ${what}`);
}

Deno.test("a router has no peers unless the file names them", () => {
  const checked = checkConfig({ servers }, () => undefined);
  assert.ok(checked.ok);
  assert.equal(checked.config.peers, undefined);
});

Deno.test("peers are named by their admin addresses, and the key may come from a variable", () => {
  const checked = check({
    routers: ["http://router-2:9090/", "https://[fd00::1]:9090"],
    key: "${PEER_KEY}",
  });
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.config.peers, {
    routers: ["http://router-2:9090", "https://[fd00::1]:9090"],
    key: KEY,
  });
  assert.deepEqual(checked.warnings, []);
});

Deno.test("routers on one machine need no key, others do", () => {
  const local = ["http://127.0.0.1:9091", "http://localhost:9092", "http://[::1]:9093"];
  assert.ok(check({ routers: local }).ok);
  assert.deepEqual(problemsOf({ routers: [...local, "http://10.0.0.2:9090"] }), [
    "peers.key: expected a key, since not all routers are on this machine",
  ]);
});

for (
  const [what, peers, problem] of [
    ["no routers", {}, /^peers\.routers: expected a list/],
    ["an empty list", { routers: [] }, /^peers\.routers: expected at least one router/],
    [
      "no address",
      { routers: ["router-2:9090"], key: KEY },
      /^peers\.routers\[0\]: expected an admin/,
    ],
    ["a path", { routers: ["http://a:1/x"], key: KEY }, /^peers\.routers\[0\]: expected an admin/],
    [
      "a router twice",
      { routers: ["http://a:1", "http://a:1/"], key: KEY },
      /expected each router once/,
    ],
    ["a short key", { routers: ["http://a:1"], key: "short" }, /^peers\.key: expected at least 16/],
    ["an unset variable", { routers: ["http://a:1"], key: "${NONE}" }, /NONE.* is not set/],
    ["a table too many", [], /^peers: expected a table/],
  ] as const
) {
  Deno.test(`peers with ${what} are refused`, () => {
    const problems = problemsOf(peers);
    assert.ok(problems.some((text) => problem.test(text)), problems.join("\n"));
    assert.ok(!problems.join().includes(KEY));
  });
}

Deno.test("peers need an admin address, where they find each other", () => {
  assert.match(
    problemsOf({ routers: ["http://a:1"], key: KEY }, {}).join(),
    /^peers: expected admin\.listen/,
  );
});

Deno.test("an unknown key is a warning", () => {
  const checked = check({ routers: ["http://a:1"], key: KEY, router: [] });
  assert.match(checked.warnings.map(({ where }) => where).join(), /peers\.router/);
});
