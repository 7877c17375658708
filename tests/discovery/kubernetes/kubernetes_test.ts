import assert from "node:assert/strict";
import { endpointAt, sliceOf, startKubernetesApi } from "../../support/kubernetes_api.ts";
import { until } from "../../support/until.ts";
import { watch } from "./source.ts";

const SLICES = "endpointslices";
const TERMINATING = { ready: false, serving: true, terminating: true };
const NOT_READY = { ready: false, serving: false, terminating: false };

Deno.test("the endpoints of a Service are servers, and follow its slices", async () => {
  await using api = startKubernetesApi();
  api.put(SLICES, sliceOf("vllm-a", [endpointAt("10.0.0.1"), endpointAt("10.0.0.2")]));
  api.put(SLICES, sliceOf("other", [endpointAt("10.0.9.9")], { metadata: { name: "other" } }));
  await using source = watch(api);
  await source.untilServers("10.0.0.1", "10.0.0.2");
  await until("it watches", () => api.watches() === 1);

  api.put(SLICES, sliceOf("vllm-b", [endpointAt("10.0.0.3"), endpointAt("10.0.0.1")]));
  await source.untilServers("10.0.0.1", "10.0.0.2", "10.0.0.3");
  api.put(SLICES, sliceOf("vllm-a", [endpointAt("10.0.0.1"), endpointAt("10.0.0.2", TERMINATING)]));
  await source.untilServers("10.0.0.1", "-10.0.0.2", "10.0.0.3");
  api.put(SLICES, sliceOf("vllm-b", [endpointAt("10.0.0.3", NOT_READY)]));
  await source.untilServers("10.0.0.1", "-10.0.0.2", "-10.0.0.3");
  api.remove(SLICES, "vllm-a");
  await source.untilServers("-10.0.0.3");
  api.put(SLICES, sliceOf("vllm-b", [endpointAt("10.0.0.3")]));
  await source.untilServers("10.0.0.3");
  assert.equal(api.requests.length, 2);
  assert.deepEqual(source.warnings, []);
});

Deno.test("it lists page by page and watches with bookmarks from that version", async () => {
  await using api = startKubernetesApi();
  const hosts = Array.from({ length: 450 }, (_, i) => `10.0.${Math.trunc(i / 100)}.${i % 100}`);
  for (const [i, host] of hosts.entries()) {
    api.put(SLICES, sliceOf(`vllm-${i}`, [endpointAt(host)]));
  }
  await using source = watch(api);
  await source.untilServers(...hosts);
  await until("it watches", () => api.watches() === 1);
  const [first, second, third, watched] = api.requests.map(({ path, query }) => {
    assert.equal(path, "/apis/discovery.k8s.io/v1/namespaces/llm/endpointslices");
    return Object.fromEntries(query);
  });
  const labelSelector = "kubernetes.io/service-name=vllm";
  assert.deepEqual(first, { labelSelector, limit: "200" });
  assert.deepEqual(second, { labelSelector, limit: "200", continue: "200" });
  assert.deepEqual(third, { labelSelector, limit: "200", continue: "400" });
  const { timeoutSeconds, ...others } = watched!;
  assert.ok(Number(timeoutSeconds) >= 60 && Number(timeoutSeconds) <= 120, timeoutSeconds);
  const resourceVersion = "550";
  assert.deepEqual(others, {
    ...{ labelSelector, resourceVersion },
    ...{ watch: "true", allowWatchBookmarks: "true" },
  });
});

Deno.test("a Service without endpoints has no servers, which is no failure", async () => {
  await using api = startKubernetesApi();
  await using source = watch(api);
  await source.untilServers();
  api.put(SLICES, sliceOf("vllm-a", [endpointAt("10.0.0.1")]));
  await source.untilServers("10.0.0.1");
  assert.deepEqual(source.reports, [[], ["10.0.0.1"]]);
});

Deno.test("pods' annotations are in effect with the first report, and when they change", async () => {
  await using api = startKubernetesApi();
  const pod = (last: number, capacity: string, uid = `uid-pod-10-0-0-${last}`) => ({
    metadata: {
      ...{ name: `pod-10-0-0-${last}`, uid },
      annotations: { "vllm-router/max-concurrent-requests": capacity },
    },
  });
  api.put(SLICES, sliceOf("vllm-a", [endpointAt("10.0.0.1"), endpointAt("10.0.0.2")]));
  api.put("pods", pod(1, "32"));
  await using source = watch(api, { annotations: true });
  const capacities = () => source.servers()?.map(({ config }) => config.capacity);
  await source.untilServers("10.0.0.1", "10.0.0.2");
  // The pod of the second one isn't known yet.
  assert.deepEqual(capacities(), [32, 8]);
  await until("it watches both", () => api.watches() === 2);
  api.put("pods", pod(2, "16"));
  await until("the second has its capacity", () => capacities()?.[1] === 16);
  api.put("pods", pod(1, "64"));
  await until("the first has another", () => capacities()?.[0] === 64);
  // Another pod of that name isn't the endpoint's.
  api.put("pods", pod(1, "128", "another"));
  await until("the first has the default", () => capacities()?.[0] === 8);
  const [listed] = api.requests.filter(({ plural }) => plural === "pods");
  assert.equal(listed!.path, "/api/v1/namespaces/llm/pods");
  assert.match(listed!.headers.get("accept")!, /^application\/json;as=PartialObjectMetadataList;/);
});

Deno.test("without annotations no pod is read", async () => {
  await using api = startKubernetesApi();
  await using source = watch(api);
  await source.untilServers();
  await until("it watches", () => api.watches() === 1);
  assert.ok(api.requests.every(({ plural }) => plural === SLICES));
});

Deno.test("if pods may not be read, servers have the defaults, and the failure is told", async () => {
  await using api = startKubernetesApi();
  api.put(SLICES, sliceOf("vllm-a", [endpointAt("10.0.0.1")]));
  api.fault = ({ plural }) => plural === "pods" ? new Response(null, { status: 403 }) : undefined;
  await using source = watch(api, { annotations: true });
  await source.untilFailure(
    /^403: the service account may not list and watch pods in namespace llm/,
  );
  assert.deepEqual(source.reports[0], ["10.0.0.1"]);
  api.fault = undefined;
  await until("it can be read again", () => typeof source.reports.at(-1) !== "string");
});

Deno.test("nothing is reported after it was stopped", async () => {
  await using api = startKubernetesApi();
  const source = watch(api);
  await source.untilServers();
  await until("it watches", () => api.watches() === 1);
  api.put(SLICES, sliceOf("vllm-a", [endpointAt("10.0.0.1")]));
  await source[Symbol.asyncDispose]();
  assert.deepEqual(source.reports, [[]]);
});
