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
    sources: [],
    key: KEY,
  });
  assert.deepEqual(checked.warnings, []);
});

Deno.test("peers come from DNS and from a Service, in the words of other sources", () => {
  const checked = check({
    routers: ["http://router-2:9090"],
    dns: { name: "routers.internal", port: 9191, every: 5 },
    kubernetes: { namespace: "llm", service: "vllm-router-admin", port: "admin" },
    key: KEY,
  });
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.warnings, []);
  const usual = { scheme: "http", defaults: { capacity: 1 } };
  assert.deepEqual(checked.config.peers, {
    routers: ["http://router-2:9090"],
    sources: [
      {
        name: "peers dns routers.internal",
        from: {
          kind: "dns",
          name: "routers.internal",
          types: ["A", "AAAA"],
          port: 9191,
          everyMs: 5_000,
        },
        ...usual,
      },
      {
        name: "peers kubernetes llm/vllm-router-admin",
        from: {
          kind: "kubernetes",
          service: "vllm-router-admin",
          namespace: "llm",
          port: "admin",
          annotations: false,
        },
        ...usual,
      },
    ],
    key: KEY,
  });
});

Deno.test("the port of peers that sources find is that of this router's admin address", () => {
  const checked = check({
    dns: { name: "routers.internal" },
    kubernetes: { service: "vllm-router-admin" },
    key: KEY,
  });
  assert.ok(checked.ok, JSON.stringify(checked));
  const ports = checked.config.peers!.sources.map(({ from }) => "port" in from && from.port);
  assert.deepEqual(ports, [9090, 9090]);
  const srv = check({ dns: { name: "_peers._tcp.internal", type: "SRV" }, key: KEY });
  assert.ok(srv.ok && !("port" in srv.config.peers!.sources[0]!.from), "the records' own");
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
    ["neither routers nor a source", { key: KEY }, /^peers: expected routers, dns or kubernetes/],
    [
      "too many routers",
      { routers: Array.from({ length: 65 }, (_, i) => `http://r${i}:1`), key: KEY },
      /^peers\.routers: expected at most 64 routers/,
    ],
    ["a source, but no key", { dns: { name: "routers.internal" } }, /^peers\.key: expected a key/],
    ["a name that can't be one", { dns: { name: "a b" }, key: KEY }, /^peers\.dns\.name: expected/],
    [
      "a Service without a name",
      { kubernetes: { namespace: "llm" }, key: KEY },
      /^peers\.kubernetes\.service: expected the name of a Service/,
    ],
    [
      "an API server, but no namespace",
      { kubernetes: { service: "a", api_server: "https://k:6443" }, key: KEY },
      /^peers\.kubernetes\.namespace: expected a namespace/,
    ],
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
  const checked = check({
    routers: ["http://a:1"],
    key: KEY,
    router: [],
    dns: { name: "a", ports: 1 },
    kubernetes: { service: "a", annotations: true },
  });
  assert.deepEqual(checked.warnings.map(({ where }) => where).sort(), [
    "peers.dns.ports",
    "peers.kubernetes.annotations",
    "peers.router",
  ]);
});
