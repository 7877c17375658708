import assert from "node:assert/strict";
import { type EndpointSlice, readSlice } from "../../../src/discovery/kubernetes/objects.ts";
import { serversOf, type ServersOptions } from "../../../src/discovery/kubernetes/servers_of.ts";
import { discoveredServer } from "../../../src/discovery/server.ts";
import { endpointAt, sliceOf } from "../../support/kubernetes_api.ts";

const READY = { ready: true, serving: true, terminating: false };
const NOT_READY = { ready: false, serving: false, terminating: false };
const TERMINATING = { ready: false, serving: true, terminating: true };
const ENDING = { ready: false, serving: false, terminating: true };
/** The address of the pods' port, as the fake slices have it. */
const at = (host: string) => `http://${host}:8000`;

function slice(
  endpoints: readonly unknown[],
  others: Readonly<Record<string, unknown>> = {},
): EndpointSlice {
  const read = readSlice(sliceOf("vllm-1", endpoints, others));
  assert.ok(read);
  return read;
}

/** What becomes of slices, with warnings. */
function merged(
  slices: readonly EndpointSlice[],
  { before = [], ...options }: Partial<ServersOptions> & { readonly before?: string[] } = {},
) {
  const warnings: string[] = [];
  const servers = serversOf(slices, new Set(before), {
    configAt: (address) => discoveredServer(address, { scheme: "http", defaults: { capacity: 8 } }),
    said: () => ({}),
    onWarning: (text) => void warnings.push(text),
    ...options,
  });
  return { servers, warnings };
}

/** The servers' addresses, with `-` before those that drain, `~` if they still serve. */
function states(...args: Parameters<typeof merged>): string[] {
  return merged(...args).servers.map(({ config, draining }) =>
    (config.terminating ? "~" : draining ? "-" : "") + config.url
  );
}

Deno.test("a ready endpoint is a server, with the defaults and its pod's name", () => {
  const { servers, warnings } = merged([slice([endpointAt("10.0.0.1")])]);
  const config = { url: at("10.0.0.1"), name: "pod-10-0-0-1", capacity: 8 };
  assert.deepEqual(servers, [{ config, draining: false }]);
  assert.deepEqual(warnings, []);
});

Deno.test("an endpoint without conditions is ready", () => {
  const missing = { addresses: ["10.0.0.1"] };
  const unset = endpointAt("10.0.0.2", { ready: null, serving: null, terminating: null });
  assert.deepEqual(states([slice([missing, unset])]), [at("10.0.0.1"), at("10.0.0.2")]);
});

Deno.test("a pod that terminates drains, unless it serves no more and was no server", () => {
  const slices = [slice([endpointAt("10.0.0.1", TERMINATING), endpointAt("10.0.0.2", ENDING)])];
  assert.deepEqual(states(slices), [`~${at("10.0.0.1")}`]);
  const before = [at("10.0.0.1"), at("10.0.0.2")];
  assert.deepEqual(states(slices, { before }), [`~${before[0]}`, `-${before[1]}`]);
  assert.ok(merged(slices, { before }).servers.every(({ draining }) => draining));
});

Deno.test("a pod that is not ready is no server while it starts, and drains if it was one", () => {
  const slices = [slice([endpointAt("10.0.0.1", NOT_READY)])];
  assert.deepEqual(states(slices), []);
  assert.deepEqual(states(slices, { before: [at("10.0.0.1")] }), [`-${at("10.0.0.1")}`]);
});

Deno.test("of two slices with the same address, the later counts", () => {
  const [older, newer] = [READY, TERMINATING].map((conditions) =>
    slice([endpointAt("10.0.0.1", conditions)])
  );
  assert.deepEqual(states([older!, newer!]), [`~${at("10.0.0.1")}`]);
  assert.deepEqual(states([newer!, older!]), [at("10.0.0.1")]);
});

Deno.test("an address that a new pod has is a server, though its old pod still terminates", () => {
  const old = endpointAt("10.0.0.1", TERMINATING);
  const now = { ...endpointAt("10.0.0.1"), targetRef: { kind: "Pod", name: "new", uid: "new" } };
  for (const endpoints of [[old, now], [now, old]]) {
    assert.deepEqual(states([slice(endpoints)]), [at("10.0.0.1")]);
  }
});

Deno.test("a pod with an IPv4 and an IPv6 address is one server, one with either is one too", () => {
  const both = { kind: "Pod", name: "vllm-0", uid: "0" };
  const four = slice([{ ...endpointAt("10.0.0.1"), targetRef: both }]);
  const six = slice(
    [{ ...endpointAt("fd00::1"), targetRef: both }, endpointAt("FD00:0::2")],
    { addressType: "IPv6" },
  );
  const expected = [at("10.0.0.1"), at("[fd00::2]")];
  assert.deepEqual(states([four, six]), expected);
  assert.deepEqual(states([six, four]), expected);
});

Deno.test("host names are servers too", () => {
  const named = slice([{ addresses: ["gpu-1.example"] }], { addressType: "FQDN" });
  assert.deepEqual(states([named]), [at("gpu-1.example")]);
});

Deno.test("the port is the only one, or the one named http, or the configured one", () => {
  const port = (ports: unknown, port?: string | number) => {
    const { servers, warnings } = merged([slice([endpointAt("10.0.0.1")], { ports })], {
      ...(port !== undefined && { port }),
    });
    return [...servers.map(({ config }) => new URL(config.url).port), ...warnings];
  };
  const two = [{ name: "metrics", port: 9000 }, { name: "http", port: 8000, protocol: "TCP" }];
  assert.deepEqual(port([{ port: 8080 }]), ["8080"]);
  assert.deepEqual(port([{ name: "", port: 8080 }, { name: "q", port: 1, protocol: "UDP" }]), [
    "8080",
  ]);
  assert.deepEqual(port(two), ["8000"]);
  assert.deepEqual(port(two, "metrics"), ["9000"]);
  assert.deepEqual(port(two, 8001), ["8001"]);
  assert.deepEqual(port([], 8001), ["8001"]);
  assert.deepEqual(port(two, "api"), [
    "expected a port api, got metrics (9000), http (8000): set port",
  ]);
  assert.deepEqual(port(null), ["expected one port, or one named http, got none: set port"]);
  assert.deepEqual(port([{ name: "a", port: 1 }, { name: "b", port: 2 }]), [
    "expected one port, or one named http, got a (1), b (2): set port",
  ]);
});

Deno.test("an address that is none is left out with a warning", () => {
  const wrong = ["10.0.0.300", "fd00::1", "10.0.0.1/x", "evil@10.0.0.1"];
  const { servers, warnings } = merged([
    slice([...wrong, "10.0.0.1"].map((address) => endpointAt(address))),
  ]);
  assert.equal(servers.length, 1);
  assert.equal(warnings.length, wrong.length);
  const odd = slice([endpointAt("a/b"), endpointAt("a b")], { addressType: "FQDN" });
  assert.deepEqual(states([odd]), []);
});

Deno.test("2,000 endpoints in 20 slices are 2,000 servers", () => {
  const slices = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => slice(Array.from({ length: 100 }, (_, j) => ({ addresses: [`10.0.${i}.${j}`] }))),
    );
  assert.equal(states(slices(20)).length, 2_000);
});

Deno.test("a slice with a member that is none is malformed", () => {
  for (
    const wrong of [
      { addressType: "IPv5" },
      { endpoints: [{ addresses: [] }] },
      { endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: "yes" } }] },
      { endpoints: Array.from({ length: 1_001 }, () => ({ addresses: ["10.0.0.1"] })) },
      { ports: [{ port: 70_000 }] },
    ]
  ) assert.equal(readSlice(sliceOf("vllm-1", [], wrong)), undefined, JSON.stringify(wrong));
  assert.deepEqual(readSlice(sliceOf("vllm-1", [], { endpoints: null, ports: null })), {
    addressType: "IPv4",
    endpoints: [],
    ports: [],
  });
});
