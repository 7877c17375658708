import assert from "node:assert/strict";
import type { KubernetesOptions } from "../../../src/discovery/kubernetes/kubernetes.ts";
import {
  endpointAt,
  type KubernetesApi,
  sliceOf,
  startKubernetesApi,
} from "../../support/kubernetes_api.ts";
import { until } from "../../support/until.ts";
import { watch } from "./source.ts";

const SLICES = "endpointslices";

/** Puts the slice `vllm-a` with these hosts. Returns the event. */
function put(api: KubernetesApi, ...hosts: readonly string[]): string {
  return api.put(SLICES, sliceOf("vllm-a", hosts.map((host) => endpointAt(host))));
}

const listsOf = (api: KubernetesApi) => api.requests.filter(({ isWatch }) => !isWatch).length;
const untilWatching = (api: KubernetesApi) => until("it watches", () => api.watches() === 1);
const failing = (status: number, init: ResponseInit = {}, body: BodyInit | null = null) => () =>
  new Response(body, { status, ...init });

/** A source that has read the slice `vllm-a` with one host, and watches the API server. */
async function startWatched(options: KubernetesOptions = {}) {
  const api = startKubernetesApi();
  put(api, "10.0.0.1");
  const source = watch(api, {}, options);
  await source.untilServers("10.0.0.1");
  await untilWatching(api);
  return {
    api,
    source,
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

for (const how of ["end", "cut"] as const) {
  const what = how === "end" ? "ends" : "breaks off";
  Deno.test(`a watch that ${what} goes on from the last version, without a list or a failure`, async () => {
    await using watched = await startWatched();
    const { api, source } = watched;
    put(api, "10.0.0.2");
    await source.untilServers("10.0.0.2");
    api.isSilent = true;
    put(api, "10.0.0.3");
    api.isSilent = false;
    api[how]();
    await source.untilServers("10.0.0.3");
    await untilWatching(api);
    assert.equal(listsOf(api), 1);
    assert.equal(api.requests.at(-1)!.query.get("resourceVersion"), "102");
    assert.deepEqual(source.reports, [["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"]]);
  });
}

Deno.test("a watch goes on from the version of the last bookmark", async () => {
  await using api = startKubernetesApi();
  await using source = watch(api);
  await source.untilServers();
  await untilWatching(api);
  api.put("configmaps", { metadata: { name: "other" } });
  api.bookmark();
  api.end();
  await until("it watches again", () => api.requests.length === 3);
  assert.equal(api.requests.at(-1)!.query.get("resourceVersion"), "101");
  assert.equal(listsOf(api), 1);
});

for (const gone of ["status", "event"] as const) {
  Deno.test(`if the version is gone (410 as ${gone}), it lists again, and what isn't listed is gone`, async () => {
    await using api = startKubernetesApi();
    api.gone = gone;
    put(api, "10.0.0.1");
    api.put(SLICES, sliceOf("vllm-b", [endpointAt("10.0.1.1")]));
    await using source = watch(api);
    await source.untilServers("10.0.0.1", "10.0.1.1");
    await untilWatching(api);
    api.isSilent = true;
    api.remove(SLICES, "vllm-b");
    api.compact();
    api.isSilent = false;
    api.cut();
    await source.untilServers("10.0.0.1");
    assert.equal(listsOf(api), 2);
    assert.deepEqual(source.reports, [["10.0.0.1", "10.0.1.1"], ["10.0.0.1"]]);
  });
}

Deno.test("a list whose next page is gone begins again", async () => {
  await using api = startKubernetesApi();
  for (let i = 0; i < 201; i++) api.put(SLICES, sliceOf(`vllm-${i}`, [endpointAt("10.0.0.1")]));
  let asked = 0;
  api.fault = ({ query }) => query.has("continue") && ++asked === 1 ? failing(410)() : undefined;
  await using source = watch(api);
  await source.untilServers("10.0.0.1");
  assert.deepEqual(source.reports, [["10.0.0.1"]]);
  assert.equal(asked, 2);
});

Deno.test("events that come late, twice, or about unknown slices change nothing", async () => {
  await using api = startKubernetesApi();
  await using source = watch(api);
  await source.untilServers();
  await untilWatching(api);
  api.isSilent = true;
  const added = put(api, "10.0.0.1");
  const modified = put(api, "10.0.0.2");
  const deleted = api.remove(SLICES, "vllm-a");
  const addedAgain = put(api, "10.0.0.3");
  const unknown = { metadata: { name: "vllm-z", resourceVersion: "999" } };
  const bookmark = JSON.stringify({ type: "BOOKMARK", object: unknown });
  const send = (...lines: readonly string[]) => {
    for (const line of lines) api.send(SLICES, line);
  };
  send(modified, added, modified);
  await source.untilServers("10.0.0.2");
  send(deleted, added, modified, deleted);
  await source.untilServers();
  send(addedAgain, deleted, JSON.stringify({ type: "DELETED", object: unknown }), bookmark);
  await source.untilServers("10.0.0.3");
  assert.deepEqual(source.reports, [[], ["10.0.0.2"], [], ["10.0.0.3"]]);
});

Deno.test("an API server that is away keeps the servers, and is found again", async () => {
  await using watched = await startWatched();
  const { api, source } = watched;
  await api.stop();
  await source.untilFailure(/^the API server at http:.*: Connection refused$/);
  assert.equal(source.servers()!.length, 1);
  put(api, "10.0.0.2");
  api.start();
  await source.untilServers("10.0.0.2");
  assert.equal(listsOf(api), 1);
  assert.ok(source.reports.every((report) => String(report) !== ""));
});

Deno.test("an API server that is away at first is a failure, not a Service without servers", async () => {
  await using api = startKubernetesApi();
  await api.stop();
  await using source = watch(api);
  await source.untilFailure(/Connection refused/);
  put(api, "10.0.0.1");
  api.start();
  await source.untilServers("10.0.0.1");
  assert.ok(source.reports.slice(0, -1).every((report) => typeof report === "string"));
});

for (
  const [status, body, reason] of [
    [500, "etcd is\nsick", /^500: etcd is sick$/],
    [503, "", /^503: no reason given$/],
    [429, "too many", /^429: too many$/],
    [401, "", /^401: the API server wants a token: set token_file$/],
    [
      403,
      "",
      /^403: the service account may not list and watch endpointslices in namespace llm: apply deploy\/kubernetes\/rbac\.yaml$/,
    ],
    [
      404,
      "",
      /^404: http:.* has no endpointslices: expected the address of a Kubernetes API server$/,
    ],
    [302, "", /^302: no reason given$/],
  ] as const
) {
  Deno.test(`an answer ${status} is a failure that says why, until it is gone`, async () => {
    await using api = startKubernetesApi();
    put(api, "10.0.0.1");
    api.fault = failing(status, {}, JSON.stringify({ kind: "Status", message: body }));
    await using source = watch(api);
    await source.untilFailure(reason);
    api.fault = undefined;
    await source.untilServers("10.0.0.1");
    assert.deepEqual(source.reports.at(-1), ["10.0.0.1"]);
  });
}

Deno.test("it waits as long as Retry-After says, but not for days", async () => {
  await using api = startKubernetesApi();
  put(api, "10.0.0.1");
  const times: number[] = [];
  api.fault = () => {
    times.push(performance.now());
    return times.length < 3 ? failing(429, { headers: { "retry-after": "1" } })() : undefined;
  };
  await using source = watch(api);
  await source.untilServers("10.0.0.1");
  assert.ok(times[1]! - times[0]! >= 1_000, "the first wait");
  assert.ok(times[2]! - times[1]! >= 1_000, "the second wait");
});

Deno.test("pauses between failures grow", async () => {
  await using api = startKubernetesApi();
  const times: number[] = [];
  api.fault = () => {
    times.push(performance.now());
    return failing(500)();
  };
  await using _source = watch(api, {}, { random: () => 0.5 });
  await until("it has failed four times", () => times.length === 4);
  const pauses = times.slice(1).map((at, i) => at - times[i]!);
  for (const [i, least] of [200, 400, 800].entries()) assert.ok(pauses[i]! >= least, `${pauses}`);
});

Deno.test("a watch that always ends at once is opened with growing pauses, and is a failure", async () => {
  await using api = startKubernetesApi();
  put(api, "10.0.0.1");
  api.fault = ({ isWatch }) => isWatch ? new Response("") : undefined;
  await using source = watch(api);
  await source.untilFailure(/^the watch of endpointslices: it ends at once$/);
  assert.ok(api.requests.length < 6, `${api.requests.length}`);
  api.fault = undefined;
  await untilWatching(api);
  await until("it can be read again", () => typeof source.reports.at(-1) !== "string");
});

Deno.test("a malformed object is left out with one warning, and what is known of it stays", async () => {
  await using watched = await startWatched();
  const { api, source } = watched;
  for (let i = 0; i < 3; i++) api.put(SLICES, sliceOf("vllm-a", [{ addresses: "10.0.0.9" }]));
  api.send(SLICES, JSON.stringify({ type: "ADDED", object: { metadata: {} } }));
  api.put(SLICES, sliceOf("vllm-b", [endpointAt("10.0.0.2")]));
  await source.untilServers("10.0.0.1", "10.0.0.2");
  assert.deepEqual(source.warnings, [
    "endpointslices vllm-a is malformed, ignored",
    "one of the endpointslices has no valid name and version, ignored",
  ]);
});

for (
  const [what, line, reason] of [
    ["no JSON", '{"type":"ADDED","obj', /^the watch of endpointslices: expected an event in JSON$/],
    ["no event", '{"type":"SURPRISE"}', /^the watch of endpointslices: expected an event in JSON$/],
    ["too long", "x".repeat(9 * 1024 ** 2), /: it has a line of more than 8 MiB$/],
    [
      "an error",
      JSON.stringify({ type: "ERROR", object: { code: 500, message: "no etcd" } }),
      /^the watch of endpointslices: 500: no etcd$/,
    ],
  ] as const
) {
  Deno.test(`after a line that is ${what}, it lists again, since it may have missed an event`, async () => {
    await using watched = await startWatched();
    const { api, source } = watched;
    api.isSilent = true;
    put(api, "10.0.0.2");
    api.isSilent = false;
    api.send(SLICES, line);
    await source.untilServers("10.0.0.2");
    assert.equal(listsOf(api), 2);
    assert.ok(source.reports.some((report) => reason.test(String(report))), `${source.reports}`);
  });
}

for (
  const [what, answer, reason] of [
    ["no JSON", () => new Response("<html>"), /^the list of endpointslices: expected JSON$/],
    [
      "no list",
      () => Response.json({ items: 3 }),
      /: expected metadata\.resourceVersion and items$/,
    ],
    [
      "endless",
      () =>
        new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(4 * 1024 ** 2)) })),
      /^the list of endpointslices: it has more than 64 MiB$/,
    ],
    [
      "too many",
      () => Response.json({ metadata: { resourceVersion: "1" }, items: Array(1_000_000).fill({}) }),
      /^there are more than 500 endpointslices$/,
    ],
  ] as const
) {
  Deno.test(`a list that is ${what} is a failure`, async () => {
    await using api = startKubernetesApi();
    api.fault = answer;
    await using source = watch(api);
    await source.untilFailure(reason);
  });
}

Deno.test("a watch that is silent for longer than agreed is cut, and the slices are listed", async () => {
  await using watched = await startWatched({ watchSeconds: 1, random: () => 0 });
  const { api, source } = watched;
  api.isSilent = true;
  put(api, "10.0.0.2");
  await source.untilServers("10.0.0.2");
  assert.equal(listsOf(api), 2);
  assert.deepEqual(source.reports, [["10.0.0.1"], ["10.0.0.2"]]);
});

Deno.test("an API server that lost its data serves watches of versions to come, and is listed again", async () => {
  await using watched = await startWatched({ watchSeconds: 1, random: () => 0 });
  const { api, source } = watched;
  const empty = () => new Response(new ReadableStream());
  let lost = true;
  api.fault = ({ isWatch }) => isWatch && lost ? empty() : undefined;
  api.cut();
  put(api, "10.0.0.2");
  await source.untilServers("10.0.0.2");
  lost = false;
  await untilWatching(api);
  assert.equal(source.reports.length, 2, `${source.reports}`);
});

Deno.test("a watch whose bookmarks come stays open beyond its time", async () => {
  await using api = startKubernetesApi();
  await using source = watch(api, {}, { watchSeconds: 1, random: () => 0 });
  await source.untilServers();
  await untilWatching(api);
  const started = performance.now();
  await until("two seconds have passed", () => {
    api.bookmark();
    return performance.now() - started > 2_000;
  });
  assert.equal(api.requests.length, 2);
});

Deno.test("an API server that comes back without the version is listed at once", async () => {
  await using watched = await startWatched();
  const { api, source } = watched;
  let failed = 0;
  api.fault = () => ++failed <= 2 ? failing(500)() : undefined;
  api.isSilent = true;
  put(api, "10.0.0.2");
  api.compact();
  api.isSilent = false;
  api.cut();
  await source.untilServers("10.0.0.2");
  assert.equal(listsOf(api), 2);
  assert.ok(!source.reports.some((report) => String(report).includes("410")), `${source.reports}`);
});

Deno.test("an API server that has not reached the version (504), as after a restore, is listed again", async () => {
  await using watched = await startWatched();
  const { api, source } = watched;
  api.isSilent = true;
  put(api, "10.0.0.2");
  api.isSilent = false;
  let refused = false;
  api.fault = ({ isWatch }) => {
    if (!isWatch || refused) return undefined;
    refused = true;
    return failing(504, {}, '{"message":"Too large resource version: 101, current: 50"}')();
  };
  api.cut();
  await source.untilServers("10.0.0.2");
  assert.equal(listsOf(api), 2);
});
