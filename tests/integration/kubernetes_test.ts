import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { ask, eventsOf, inFlight } from "../support/fleet.ts";
import { endpointAt, sliceOf, startKubernetesApi } from "../support/kubernetes_api.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

const SLICES = 5;
const PER_SLICE = 10;
/** At this interval one of the 50 endpoints changes: each of them every second. */
const CHANGE_MS = 20;
const CHANGES = 200;
const CLIENTS = 6;

/**
 * What becomes of a pod, one after the other: it is replaced by a new one at the same address. While
 * there is none, it refuses connections.
 */
const LIFE = [
  { ready: true, serving: true, terminating: false },
  { ready: true, serving: true, terminating: false },
  { ready: false, serving: true, terminating: true },
  undefined,
  { ready: false, serving: false, terminating: false },
] as const;

Deno.test({
  name: "while 50 endpoints change every second and the watch breaks off, no request is lost",
  // Elsewhere, 127.0.0.1 is the only address of its kind.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using api = startKubernetesApi();
    const firsts = await Promise.all(Array.from({ length: SLICES }, () => startPod(0, 0)));
    const ports = firsts.map(({ port }) => port);
    const pods = await Promise.all(
      Array.from({ length: SLICES * PER_SLICE }, (_, at) => {
        const [of, i] = [Math.trunc(at / PER_SLICE), at % PER_SLICE];
        return i === 0 ? firsts[of]! : startPod(i, ports[of]!);
      }),
    );
    const ended = new Map<number, Promise<void>>();
    const ages = pods.map((_, i) => i % LIFE.length);
    const stateAt = (age: number) => LIFE[age % LIFE.length];
    const isReady = (age: number) => stateAt(age)?.ready === true;

    function put(of: number): void {
      const endpoints = ages.slice(of * PER_SLICE, (of + 1) * PER_SLICE)
        .flatMap((age, i) => {
          const conditions = stateAt(age);
          if (!conditions) return [];
          const targetRef = { kind: "Pod", name: `vllm-${of}-${i}`, uid: podOf(of, i, age) };
          return [{ ...endpointAt(hostOf(i), conditions), targetRef }];
        });
      const described = [{ name: "http", port: ports[of]! }];
      api.put("endpointslices", sliceOf(`vllm-${of}`, endpoints, { ports: described }));
    }

    /** A pod that is gone finishes the requests it has, and ends. */
    async function end(at: number): Promise<void> {
      await pods[at]!.shutDown(60);
      await pods[at]!.close();
    }

    async function grow(at: number): Promise<void> {
      const [of, i] = [Math.trunc(at / PER_SLICE), at % PER_SLICE];
      ages[at]!++;
      if (stateAt(ages[at]!) === undefined) ended.set(at, end(at));
      else if (ended.has(at)) {
        await ended.get(at);
        ended.delete(at);
        pods[at] = await startPod(i, ports[of]!);
      }
      put(of);
    }

    for (const [at, age] of ages.entries()) {
      if (stateAt(age) === undefined) ended.set(at, end(at));
    }
    for (const of of ports.keys()) put(of);

    const kubernetes = { namespace: "llm", service: "vllm", api_server: api.url };
    const discovery = [{ kubernetes, defaults: { max_concurrent_requests: 8 } }];
    // Without second attempts, a request that is sent to a pod which is gone is lost.
    const settings = { metrics_interval: 0.5, health_check_interval: 1, max_retries: 0 };
    const router = await startRouter([], settings, {}, { discovery });
    const available = () =>
      router.fleet.snapshot().servers.filter(({ state }) => state === "healthy").length;
    try {
      await until(
        "the ready ones are available",
        () => available() === ages.filter(isReady).length,
      );

      let isChanging = true;
      const asked = Array.from({ length: CLIENTS }, async (_, client) => {
        let count = 0;
        for (; isChanging; count++) await askWhole(router.url, (client + count) % 2 === 0);
        return count;
      });
      for (let change = 0; change < CHANGES; change++) {
        await grow((change * 7) % ages.length);
        if (change === 80) api.cut();
        if (change === 140) {
          api.compact();
          api.cut();
        }
        await new Promise((resolve) => setTimeout(resolve, CHANGE_MS));
      }
      isChanging = false;
      const counts = await Promise.all(asked);
      const lists = api.requests.filter(({ isWatch }) => !isWatch).length;
      assert.deepEqual([lists, api.requests.length - lists >= 3], [2, true]);
      assert.ok(counts.every((count) => count > 1), `${counts}`);

      for (const at of ages.keys()) while (!isReady(ages[at]!)) await grow(at);
      await until("all are available", () => available() === ages.length);
      assert.equal(inFlight(router), 0);
    } finally {
      await router.shutdown(0);
      await Promise.all(ended.values());
      await Promise.all(pods.map((pod) => pod.close()));
    }
  },
});

Deno.test("while all pods terminate, those that still serve get the requests, until one is ready", async () => {
  await using api = startKubernetesApi();
  await using old = await startSimulator({ speed: 20 });
  await using fresh = await startSimulator({ speed: 20 });
  const [at, freshAt] = [old, fresh].map(({ port }) => ({ ports: [{ name: "http", port }] }));
  const terminating = { ready: false, serving: true, terminating: true };
  const put = (name: string, ports: typeof at, conditions?: Record<string, boolean>) => {
    const targetRef = { kind: "Pod", name, uid: name };
    const endpoint = { ...endpointAt("127.0.0.1", conditions), targetRef };
    api.put("endpointslices", sliceOf(name, [endpoint], ports));
  };
  put("old", at);
  const kubernetes = { namespace: "llm", service: "vllm", api_server: api.url };
  await using router = await startRouter([], {}, {}, { discovery: [{ kubernetes }] });
  const states = () => router.fleet.snapshot().servers.map(({ state }) => state).join();
  const status = async (path: string) => {
    const response = await fetch(router.url + path);
    return [response.status, (await response.json()).data?.length];
  };
  await until("it is found", () => states() === "healthy");
  put("old", at, terminating);
  await until("it drains", () => states() === "draining");
  await until("it is shown", () => router.view().servers[0]!.state === "draining");
  assert.equal(router.view().totals.noneHealthySince, null);
  await askWhole(router.url, true);
  assert.deepEqual([await status("/readyz"), await status("/v1/models")], [
    [200, undefined],
    [200, 1],
  ]);
  put("fresh", freshAt);
  await until("the new one is healthy", () => states().includes("healthy"));
  const { received } = old.state();
  await askWhole(router.url, true);
  assert.deepEqual([old.state().received, fresh.state().received], [received, 1]);
  api.remove("endpointslices", "fresh");
  put("old", at, { ready: false, serving: false, terminating: true });
  await until("the new one is gone", () => states() === "draining");
  assert.equal((await ask(router.url, { tokens: 1 }).then(drop)).status, 503);
  assert.deepEqual(await status("/readyz"), [503, undefined]);
});

async function drop(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}

const hostOf = (i: number) => `127.0.1.${i + 1}`;
const startPod = (i: number, port: number) =>
  startSimulator({ hostname: hostOf(i), port, speed: 20 });

const podOf = (of: number, i: number, age: number) =>
  `${of}-${i}-${Math.trunc((age + 1) / LIFE.length)}`;

/** Asks for an answer, long enough that endpoints change meanwhile, and fails if it isn't whole. */
async function askWhole(url: string, stream: boolean): Promise<void> {
  const tokens = 100;
  const response = await ask(url, { stream, tokens });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  if (!stream) return assert.equal(JSON.parse(text).usage.completion_tokens, tokens, text);
  const events = eventsOf(text);
  assert.equal(events.at(-1), "[DONE]", text);
  assert.ok(events.length > tokens, text);
}
