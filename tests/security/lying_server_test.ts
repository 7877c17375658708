import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { ask } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

/** The expected report for each misbehaving server. */
const SHOWN: { readonly [lie: string]: RegExp | "no scrape" } = {
  "metrics without end": "no scrape",
  "metrics of four gigabytes in four megabytes": "no scrape",
  "metrics with 60 KB in one label": "no scrape",
  "metrics of a million series": "no scrape",
  "metrics that add up to infinity": "no scrape",
  "health without end": /\/health is larger than 1 MiB/,
  "models without end": /\/v1\/models is larger than 1 MiB/,
  "models of four gigabytes in four megabytes": /\/v1\/models is compressed/,
  "a million models": /\/v1\/models is larger than 1 MiB/,
  "a nest of models": /\/v1\/models has more than 50000 values/,
};

/** Starts the misbehaving servers in a separate process, and returns their addresses. */
async function startLiars(): Promise<AsyncDisposable & { urls: Record<string, string> }> {
  const script = new URL("./lying_server.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--allow-net=127.0.0.1", script],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  while (!told.endsWith("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The servers ended: ${told}`);
    told += value;
  }
  return {
    urls: JSON.parse(told),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("with lying servers in the fleet the router responds promptly, its memory stays level, and each lie is reported", async () => {
  await using liars = await startLiars();
  assert.deepEqual(Object.keys(liars.urls), Object.keys(SHOWN));
  const honest = [await startSimulator({ speed: 20 }), await startSimulator({ speed: 20 })];
  const router = await startRouter(
    [...honest.map(({ url }) => url), ...Object.values(liars.urls)].map((url) => ({ url })),
    { metrics_interval: 0.5, health_check_interval: 1, health_check_timeout: 5 },
  );
  try {
    const rssBefore = Deno.memoryUsage().rss;
    let rss = rssBefore;
    const livezMs: number[] = [];
    const statuses = new Set<number>();
    const end = performance.now() + 4_000;
    const areUsed = () => honest.reduce((sum, { state }) => sum + state().received, 0) > 10;
    const lookOn = async () => {
      while (performance.now() < end) {
        const asked = performance.now();
        await (await fetch(`${router.url}/livez`)).body?.cancel();
        livezMs.push(performance.now() - asked);
        rss = Math.max(rss, Deno.memoryUsage().rss);
        await pause(10);
      }
    };
    const useIt = async () => {
      while (performance.now() < end || (!areUsed() && performance.now() < end + 30_000)) {
        const answer = await ask(router.url);
        await answer.body?.cancel();
        statuses.add(answer.status);
        await pause(10);
      }
    };
    await Promise.all([lookOn(), useIt(), useIt(), useIt()]);

    assert.deepEqual([...statuses], [200]);
    assert.ok(areUsed());
    // Usually some milliseconds, but these processes share the machine.
    assert.ok(Math.max(...livezMs) < 5_000, `/livez took ${Math.max(...livezMs)} ms`);
    const grownMb = (rss - rssBefore) / 1e6;
    assert.ok(grownMb < 200, `memory grew by ${grownMb} MB`);

    for (const [lie, url] of Object.entries(liars.urls)) {
      const shown = SHOWN[lie]!;
      const server = () => router.fleet.snapshot().servers.find((server) => server.url === url)!;
      if (shown === "no scrape") assert.equal(server().scrape, undefined, lie);
      else await until(`${lie} is shown`, () => shown.test(server().reason));
    }
  } finally {
    await router.shutdown(0);
    for (const simulator of honest) await simulator.close();
  }
});
