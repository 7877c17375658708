import assert from "node:assert/strict";
import { startSource } from "../../src/discovery/start_source.ts";
import { startKubernetesApi } from "../support/kubernetes_api.ts";

/** A source of the kind that is loaded when it starts, and what it reports. */
function startKubernetes(apiServer: string) {
  const reports: unknown[] = [];
  const first = Promise.withResolvers<void>();
  const report = (what: unknown) => {
    reports.push(what);
    first.resolve();
  };
  const source = startSource({
    name: "kubernetes llm/vllm",
    from: {
      ...{ kind: "kubernetes", service: "vllm", namespace: "llm", annotations: false },
      apiServer,
    },
    scheme: "http",
    defaults: { capacity: 8 },
  })({ onServers: report, onFailure: report });
  return { source, reports, first: first.promise };
}

Deno.test("a source that is loaded when it starts reports its servers", async () => {
  await using api = startKubernetesApi();
  const { source, reports, first } = startKubernetes(api.url);
  await first;
  await source.stop();
  assert.deepEqual(reports, [[]]);
});

Deno.test("a source that is stopped while it is loaded asks for nothing", async () => {
  await using api = startKubernetesApi();
  const { source, reports } = startKubernetes(api.url);
  await source.stop();
  assert.deepEqual([reports, api.requests], [[], []]);
});
