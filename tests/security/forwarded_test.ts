import assert from "node:assert/strict";
import { clientAddress, isTrusted } from "../../src/http/client_address.ts";
import { until } from "../support/until.ts";
import { startGuarded, startRecorder, statusOf } from "./guarded.ts";

const FORWARDED = {
  forwarded: "for=203.0.113.7",
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-host": "evil.example.com",
  "x-forwarded-port": "1",
  "x-forwarded-prefix": "/evil",
  "x-forwarded-proto": "https",
  "x-real-ip": "203.0.113.7",
};
const STEERING = {
  "x-data-parallel-rank": "3",
  "endpoint-load-metrics-format": "TEXT",
};

async function clientInLog(settings: string, headers: Record<string, string>) {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, settings });
  assert.equal(await statusOf(router.ask({ headers })), 200);
  await until("the request is in the log", () => router.log().includes(`"client":`));
  const [, client] = /"client":"([^"]*)"/.exec(router.log())!;
  return { client, seen: server.seen[0]!.headers };
}

Deno.test("forwarding headers from untrusted clients are dropped and not trusted", async () => {
  for (const settings of ["", `trusted_proxies = ["192.0.2.0/24"]`]) {
    const { client, seen } = await clientInLog(settings, { ...FORWARDED, ...STEERING });
    assert.equal(client, "127.0.0.1");
    for (const name of Object.keys({ ...FORWARDED, ...STEERING })) {
      assert.equal(seen.get(name), null, name);
    }
  }
});

Deno.test("a trusted proxy's forwarding headers are trusted and forwarded, but not headers that steer a server", async () => {
  for (const network of ["127.0.0.1", "127.0.0.0/8"]) {
    const { client, seen } = await clientInLog(
      `trusted_proxies = ["${network}"]`,
      { ...FORWARDED, ...STEERING },
    );
    assert.equal(client, "203.0.113.7");
    for (const [name, value] of Object.entries(FORWARDED)) assert.equal(seen.get(name), value);
    for (const name of Object.keys(STEERING)) assert.equal(seen.get(name), null, name);
  }
});

Deno.test("the client is the last address that is not a trusted proxy", () => {
  const trusted = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"];
  const of = (passed: string | undefined, peer = "127.0.0.1") =>
    clientAddress(
      new Headers(passed === undefined ? {} : { "x-forwarded-for": passed }),
      peer,
      trusted,
    );
  assert.equal(of(undefined), "127.0.0.1");
  assert.equal(of("203.0.113.7"), "203.0.113.7");
  assert.equal(of("1.1.1.1, 203.0.113.7"), "203.0.113.7", "earlier entries may be forged");
  assert.equal(of("203.0.113.7, 10.1.2.3, 10.4.5.6"), "203.0.113.7");
  assert.equal(of("2001:db8::7, fd00::1"), "2001:db8::7");
  assert.equal(of("10.1.2.3, 10.4.5.6"), "10.1.2.3");
  // An invalid address ends the chain: the address after it is the last trusted one.
  assert.equal(of("203.0.113.7, unknown, 10.4.5.6"), "10.4.5.6");
  assert.equal(of(`203.0.113.7, "a\tb"`), "127.0.0.1");
  assert.equal(of(""), "127.0.0.1");
});

Deno.test("an IPv4-mapped IPv6 address is the same address", () => {
  assert.ok(isTrusted("::ffff:10.1.2.3", ["10.0.0.0/8"]));
  assert.ok(!isTrusted("::ffff:11.1.2.3", ["10.0.0.0/8"]));
  assert.ok(!isTrusted("10.1.2.3", []));
  assert.ok(!isTrusted("", ["0.0.0.0/0", "::/0"]));
});

Deno.test("each client behind a trusted proxy has its own limit of requests in flight", async () => {
  const releases: (() => void)[] = [];
  await using server = startRecorder(() =>
    new Promise((resolve) => releases.push(() => resolve(Response.json({}))))
  );
  await using router = await startGuarded({
    server: server.url,
    settings: `trusted_proxies = ["127.0.0.1"]\nmax_in_flight_per_client = 1`,
  });
  const ask = (address: string) => router.ask({ headers: { "x-forwarded-for": address } });
  const first = ask("203.0.113.7");
  await until("the server has the request", () => server.seen.length === 1);
  assert.equal(await statusOf(ask("203.0.113.7")), 429);
  assert.equal(
    await statusOf(ask("198.51.100.1, 203.0.113.7")),
    429,
    "forged entries don't change the client",
  );
  const other = ask("203.0.113.8");
  await until("the server has another client's request", () => server.seen.length === 2);
  for (const release of releases) release();
  assert.deepEqual([await statusOf(first), await statusOf(other)], [200, 200]);
});
