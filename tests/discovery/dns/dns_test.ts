import assert from "node:assert/strict";
import type { DnsLookup } from "../../../src/config/discovery.ts";
import { startDns } from "../../../src/discovery/dns/dns.ts";
import { createLookup } from "../../../src/discovery/dns/look_up.ts";
import { resolverAt } from "../../../src/discovery/dns/resolve.ts";
import { type Answers, type DnsServer, startDnsServer } from "../../support/dns_server.ts";
import { until } from "../../support/until.ts";
import { noteReports } from "../reports.ts";

const A = "A vllm.internal";
const AAAA = "AAAA vllm.internal";
const ENTRY = { scheme: "http", defaults: { capacity: 3 } } as const;

function lookUp(
  { port }: DnsServer,
  from: Partial<DnsLookup> = {},
  scheme: "http" | "https" = "http",
) {
  return noteReports(startDns({
    kind: "dns",
    name: "vllm.internal",
    types: ["A", "AAAA"],
    port: 8000,
    everyMs: 20,
    resolver: { ipAddr: "127.0.0.1", port },
    ...from,
  }, { ...ENTRY, scheme }));
}

Deno.test("each address of a name is a server, IPv6 in brackets, in a fixed order", async () => {
  await using dns = startDnsServer({ [A]: ["10.0.0.2", "10.0.0.1"], [AAAA]: ["fd00::3"] });
  await using found = lookUp(dns);
  await found.has("http://10.0.0.1:8000", "http://10.0.0.2:8000", "http://[fd00::3]:8000");
  dns.answers = { [A]: ["10.0.0.1", "10.0.0.2", "10.0.0.9"], [AAAA]: ["fd00::3"] };
  await until("the new address was found", () => found.urls?.length === 4);
  assert.equal(found.failure, undefined);
});

Deno.test("a changed answer replaces the addresses as a set", async () => {
  await using dns = startDnsServer({ [A]: ["10.0.0.1", "10.0.0.2"] });
  await using found = lookUp(dns);
  await found.has("http://10.0.0.1:8000", "http://10.0.0.2:8000");
  dns.answers = { [A]: ["10.0.0.3"] };
  await found.has("http://10.0.0.3:8000");
});

const FAULTS: readonly (readonly [string, Answers])[] = [
  ["is empty", {}],
  ["says that the name does not exist", "nxdomain"],
  ["is a failure of the name server", "servfail"],
  ["is a refusal", "refused"],
  ["is truncated, and there is none over TCP", "truncated"],
];
for (const [what, answers] of FAULTS) {
  Deno.test(`an answer that ${what} keeps the addresses and is a failure`, async () => {
    await using dns = startDnsServer({ [A]: ["10.0.0.1"], [AAAA]: ["fd00::1"] });
    await using found = lookUp(dns);
    await found.has("http://10.0.0.1:8000", "http://[fd00::1]:8000");
    dns.answers = answers;
    await found.fails("A records of vllm.internal");
    assert.deepEqual(found.urls, ["http://10.0.0.1:8000", "http://[fd00::1]:8000"]);
    dns.answers = { [A]: ["10.0.0.5"], [AAAA]: ["fd00::1"] };
    await found.has("http://10.0.0.5:8000", "http://[fd00::1]:8000");
    await until("it can be read again", () => found.failure === undefined);
  });
}

Deno.test("an answer without IPv4 addresses keeps those, whatever the other answer is", async () => {
  await using dns = startDnsServer({ [A]: ["10.0.0.1"], [AAAA]: ["fd00::1"] });
  await using found = lookUp(dns);
  await found.has("http://10.0.0.1:8000", "http://[fd00::1]:8000");
  dns.answers = { [AAAA]: ["fd00::2"] };
  await found.has("http://10.0.0.1:8000", "http://[fd00::2]:8000");
  await found.fails("no A records of vllm.internal any more");
});

Deno.test("a name without addresses is a failure from the start", async () => {
  await using dns = startDnsServer();
  await using found = lookUp(dns);
  await found.fails("no A or AAAA records of vllm.internal");
  assert.equal(found.urls, undefined);
});

Deno.test("a name with addresses of one kind only is no failure", async () => {
  await using dns = startDnsServer({ [AAAA]: ["fd00::1"] });
  await using found = lookUp(dns);
  await found.has("http://[fd00::1]:8000");
  await until("it was read again", () => found.reports > 2);
  assert.equal(found.failure, undefined);
});

Deno.test("a name server that doesn't answer keeps the addresses and is a failure", async () => {
  await using dns = startDnsServer({ [A]: ["10.0.0.1"] });
  await using found = lookUp(dns);
  await found.has("http://10.0.0.1:8000");
  dns.answers = "silent";
  await found.fails("no A records of vllm.internal: the name server doesn't answer");
  assert.deepEqual(found.urls, ["http://10.0.0.1:8000"]);
});

Deno.test("stopping ends a question that is not answered", async () => {
  await using dns = startDnsServer("silent");
  const found = lookUp(dns);
  await until("it was asked", () => dns.questions > 0);
  await found.source.stop();
  assert.equal(found.failure, undefined);
});

Deno.test("an answer of 500 addresses comes whole, over TCP", async () => {
  const many = Array.from({ length: 500 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  await using dns = startDnsServer({ [A]: many });
  await using found = lookUp(dns);
  await until("all were found", () => found.urls?.length === 500);
  assert.deepEqual(new Set(found.urls), new Set(many.map((address) => `http://${address}:8000`)));
});

Deno.test("SRV records name hosts and ports, and each address of a host is a server", async () => {
  await using dns = startDnsServer({
    "SRV _vllm._tcp.internal": ["8001 a.internal", "8002 b.internal"],
    "A a.internal": ["10.0.0.1"],
    "A b.internal": ["10.0.0.2", "10.0.0.3"],
  });
  const { port: _, ...srv } = { name: "_vllm._tcp.internal", types: ["SRV"] as const, port: 0 };
  await using found = noteReports(startDns({
    ...srv,
    kind: "dns",
    everyMs: 20,
    resolver: { ipAddr: "127.0.0.1", port: dns.port },
  }, ENTRY));
  await found.has("http://10.0.0.1:8001", "http://10.0.0.2:8002", "http://10.0.0.3:8002");
  dns.answers = {
    "SRV _vllm._tcp.internal": ["8001 a.internal", "8002 b.internal"],
    "A a.internal": ["10.0.0.1"],
  };
  await found.fails("no A records of b.internal any more");
  assert.equal(found.urls?.length, 3);
  dns.answers = {
    "SRV _vllm._tcp.internal": ["8001 a.internal"],
    "A a.internal": ["10.0.0.1"],
  };
  await found.has("http://10.0.0.1:8001");
});

Deno.test("servers at https:// are expected to have a certificate for the name", async () => {
  await using dns = startDnsServer({ [A]: ["10.0.0.1"] });
  await using found = lookUp(dns, { port: 443 }, "https");
  await found.has("https://10.0.0.1");
  assert.deepEqual(found.configs, [{
    capacity: 3,
    name: "10.0.0.1",
    tlsServerName: "vllm.internal",
    url: "https://10.0.0.1",
  }]);
});

Deno.test("of two names for one address, the same one counts whatever the order of the answer", async () => {
  const records = ["443 a.internal", "443 b.internal"];
  const addresses = { "A a.internal": ["10.0.0.1"], "A b.internal": ["10.0.0.1"] };
  await using dns = startDnsServer({ "SRV vllm.internal": records, ...addresses });
  await using found = lookUp(dns, { types: ["SRV"], port: 443 }, "https");
  const names = () => found.configs.map(({ tlsServerName }) => tlsServerName);
  await until("they were found", () => found.reports > 0);
  assert.deepEqual(names(), ["a.internal", "b.internal"]);
  dns.answers = { "SRV vllm.internal": records.toReversed(), ...addresses };
  const before = found.reports;
  await until("they were found again", () => found.reports > before + 1);
  assert.deepEqual(names(), ["a.internal", "b.internal"]);
});

/** Looks up SRV records, whose ports count. */
function lookUpSrv({ port }: DnsServer) {
  return noteReports(startDns({
    ...{ kind: "dns", name: "vllm.internal.", types: ["SRV"], everyMs: 20 },
    resolver: { ipAddr: "127.0.0.1", port },
  }, ENTRY));
}

Deno.test("SRV records without a target or a port are left out, twice the same is one server", async () => {
  const srv = "SRV vllm.internal";
  await using dns = startDnsServer({
    [srv]: ["8000 a.internal", "8001 a.internal", "8000 a.internal", "8002 ."],
    "A a.internal": ["10.0.0.1"],
  });
  await using found = lookUpSrv(dns);
  await until("they were found", () => found.reports > 0);
  assert.deepEqual([...new Set(found.urls)], ["http://10.0.0.1:8000", "http://10.0.0.1:8001"]);
  assert.equal(found.failure, undefined);
  dns.answers = { [srv]: ["0 ."], "A a.internal": ["10.0.0.1"] };
  await found.fails("no SRV records of vllm.internal. any more");
  assert.equal(found.urls?.length, 3, "an answer that there is no such service keeps them");
  dns.answers = { [srv]: ["8000 a.internal", "0 a.internal"], "A a.internal": ["10.0.0.1"] };
  await found.fails("SRV records of vllm.internal. have no port: set port");
  await found.has("http://10.0.0.1:8000");
});

Deno.test("a name that is an alias is followed, over answers with the addresses and without", async () => {
  await using dns = startDnsServer({
    [A]: ["cname mid.internal", "cname a.internal"],
    "A a.internal": ["cname b.internal", "10.0.0.1", "10.0.0.2"],
  });
  await using found = lookUp(dns);
  await found.has("http://10.0.0.1:8000", "http://10.0.0.2:8000");
  dns.answers = { [A]: ["cname vllm.internal"] };
  await found.fails("no A records of vllm.internal");
  assert.equal(found.urls?.length, 2, "an alias of itself has no end");
});

Deno.test("the hosts of SRV records are asked for without search domains", async () => {
  const asked: string[] = [];
  const lookUp = createLookup({ kind: "dns", name: "vllm", types: ["SRV"], everyMs: 20 }, {
    ...resolverAt(undefined),
    srv: () => Promise.resolve([{ host: "a.internal.", port: 8000 }]),
    addresses(host, type) {
      asked.push(`${type} ${host}`);
      return Promise.resolve([]);
    },
  });
  const { problems } = await lookUp(new AbortController().signal);
  assert.deepEqual(asked, ["A a.internal.", "AAAA a.internal."]);
  assert.match(problems.join(), /^no SRV records of vllm, or/);
  await using dns = startDnsServer({ "SRV vllm": ["8000 a.internal", "8000 b.internal"] });
  const { srv } = resolverAt({ ipAddr: "127.0.0.1", port: dns.port });
  const hosts = (await srv("vllm", new AbortController().signal)).map(({ host }) => host);
  assert.deepEqual(hosts, ["a.internal.", "b.internal."]);
});
