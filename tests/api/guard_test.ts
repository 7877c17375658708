import assert from "node:assert/strict";
import { type Admitted, createGuard, type DenialReason } from "../../src/api/guard.ts";
import { createKeyring } from "../../src/auth/keyring.ts";
import { createTokenBudgets } from "../../src/auth/token_limits.ts";
import type { Access } from "../../src/config/config.ts";
import type { Client } from "../../src/proxy/client.ts";
import { accessWith, keyOf } from "../support/access.ts";
import { configOf } from "../support/config.ts";

const PEER = "192.0.2.1";

function guarding(access: Partial<Access> = {}, written: Record<string, unknown> = {}) {
  const inEffect = { access: accessWith(access) };
  const { settings } = configOf([{ url: "http://a" }], written);
  const wrong: string[] = [];
  const turned: [DenialReason, string, string | undefined, string | undefined][] = [];
  const guard = createGuard({
    keyring: createKeyring(() => inEffect.access.keys),
    budgets: createTokenBudgets(() => inEffect.access),
    access: () => inEffect.access,
    settings: () => settings,
    onTurnedAway: (...what) => void turned.push(what),
    onWrongKey: (address) => void wrong.push(address),
  });
  const admit = (headers: Record<string, string> = {}, peer = PEER) =>
    guard.admit(new Headers(headers), peer, "/v1/chat/completions");
  return { guard, admit, turned, wrong, inEffect };
}

function clientOf(admitted: Admitted): Client {
  assert.ok(!admitted.error, JSON.stringify(admitted));
  return admitted.client;
}

function refusalOf(admitted: Admitted) {
  assert.ok(admitted.error, "the request is rejected");
  return { status: admitted.error.status, headers: Object.fromEntries(admitted.headers) };
}

const showing = (key: string) => ({ authorization: `Bearer ${key}` });

Deno.test("with keys disabled, everyone is admitted, and credentials are left for the servers", () => {
  for (const headers of [{}, showing("anything")]) {
    const client = clientOf(guarding().admit(headers));
    assert.equal(client.keyName, undefined);
    assert.equal(client.showsRoutersKey, false);
    assert.equal(client.address, PEER);
    assert.equal(client.mayUse("any"), true);
    assert.equal(client.mayUse(undefined), true);
    assert.deepEqual(client.headers, [["access-control-allow-origin", "*"]]);
  }
});

Deno.test("a valid key admits a client under its name, and is not meant for the servers", () => {
  const { admit } = guarding({ keys: [keyOf("secret", { name: "lab", models: ["m"] })] });
  for (const headers of [showing("secret"), { "x-api-key": "secret" }]) {
    const client = clientOf(admit(headers));
    assert.equal(client.keyName, "lab");
    assert.equal(client.showsRoutersKey, true);
    assert.equal(client.mayUse("m"), true);
    assert.equal(client.mayUse("other"), false);
    assert.equal(client.mayUse(undefined), false);
  }
});

Deno.test("a missing or wrong key is 401 with a challenge", () => {
  const { admit, turned } = guarding({ keys: [keyOf("secret")] });
  for (const headers of [{}, showing("other"), { authorization: "secret" }]) {
    const refusal = refusalOf(admit(headers));
    assert.equal(refusal.status, 401);
    assert.match(refusal.headers["www-authenticate"]!, /^Bearer/);
    assert.equal(refusal.headers["access-control-allow-origin"], "*");
  }
  assert.deepEqual(turned, Array(3).fill(["no_key", PEER, undefined, undefined]));
});

Deno.test("with keys enabled but none configured, everyone is denied", () => {
  const { admit } = guarding({ keys: [], keysAreOn: true });
  assert.equal(refusalOf(admit(showing("secret"))).status, 401);
});

Deno.test("keys added or removed by a reload take effect at once", () => {
  const { admit, inEffect } = guarding({ keys: [keyOf("old")] });
  clientOf(admit(showing("old")));
  inEffect.access = accessWith({ keys: [keyOf("new")] });
  assert.equal(refusalOf(admit(showing("old"))).status, 401);
  clientOf(admit(showing("new")));
  inEffect.access = accessWith();
  clientOf(admit());
});

Deno.test("requests in flight are limited per address, across all keys", () => {
  const keys = [keyOf("one"), keyOf("two")];
  const { admit, turned } = guarding({ keys }, { max_in_flight_per_client: 2 });
  const first = clientOf(admit(showing("one")));
  clientOf(admit(showing("two")));
  assert.equal(refusalOf(admit(showing("one"))).status, 429);
  assert.deepEqual(turned, [["client_limit", PEER, "one", undefined]]);
  clientOf(admit(showing("one"), "192.0.2.2"));
  first.left();
  clientOf(admit(showing("one")));
  assert.equal(refusalOf(admit(showing("one"))).status, 429);
});

Deno.test("a rejected request doesn't count towards the limits of its address or key", () => {
  const keys = [keyOf("one", { maxInFlight: 1 })];
  const { admit, turned } = guarding({ keys }, { max_in_flight_per_client: 1 });
  const first = clientOf(admit(showing("one")));
  for (let i = 0; i < 3; i++) {
    assert.equal(refusalOf(admit(showing("one"))).status, 429);
    assert.equal(refusalOf(admit(showing("one"), "192.0.2.2")).status, 429);
    assert.equal(refusalOf(admit(showing("wrong"), "192.0.2.3")).status, 401);
  }
  assert.deepEqual(turned.slice(0, 3), [
    ["client_limit", PEER, "one", undefined],
    ["key_limit", "192.0.2.2", "one", "max_in_flight"],
    ["no_key", "192.0.2.3", undefined, undefined],
  ]);
  first.left();
  clientOf(admit(showing("one"), "192.0.2.2")).left();
  clientOf(admit(showing("one"))).left();
});

Deno.test("every response has the key's limits, and a 429 has retry-after", () => {
  const { admit } = guarding({ keys: [keyOf("one", { requestsPerMinute: 1 })] });
  const client = clientOf(admit(showing("one")));
  const headers = Object.fromEntries(client.headers);
  assert.equal(headers["x-ratelimit-limit-requests"], "1");
  assert.equal(headers["x-ratelimit-remaining-requests"], "0");
  assert.equal(headers["access-control-allow-origin"], "*");
  const refusal = refusalOf(admit(showing("one")));
  assert.equal(refusal.status, 429);
  const seconds = Number(refusal.headers["retry-after"]);
  assert.ok(seconds > 55 && seconds <= 60, `${seconds} s`);
});

Deno.test("the client is the one a trusted proxy names; otherwise it is the peer", () => {
  const settings = { trusted_proxies: ["10.0.0.0/8"], max_in_flight_per_client: 1 };
  const { admit } = guarding({}, settings);
  const forwarded = { "x-forwarded-for": "198.51.100.9" };
  const passedOn = clientOf(admit(forwarded, "10.0.0.1"));
  assert.equal(passedOn.address, "198.51.100.9");
  assert.equal(passedOn.isTrusted, true);
  assert.equal(refusalOf(admit(forwarded, "10.0.0.2")).status, 429);
  clientOf(admit({ "x-forwarded-for": "198.51.100.10" }, "10.0.0.1"));

  const direct = clientOf(admit(forwarded));
  assert.equal(direct.address, PEER);
  assert.equal(direct.isTrusted, false);
});

Deno.test("a disallowed origin can't read a rejection either", () => {
  const { admit } = guarding({ keys: [keyOf("k")], corsOrigins: ["https://app.example"] });
  const refusal = refusalOf(admit({ origin: "https://evil.example" }));
  assert.equal(refusal.headers["access-control-allow-origin"], undefined);
  const client = clientOf(admit({ origin: "https://app.example", ...showing("k") }));
  assert.deepEqual(client.headers, [
    ["access-control-allow-origin", "https://app.example"],
    ["vary", "origin"],
  ]);
});
