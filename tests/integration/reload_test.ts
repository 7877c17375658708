import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/file/load.ts";
import { startGateway } from "../../src/gateway.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { ask, eventsOf, inFlight } from "../support/fleet.ts";
import { http1 } from "../support/router.ts";
import { until } from "../support/until.ts";

/**
 * An edit takes effect within a second; a slow machine may take longer. Files are also read every
 * 30 s.
 */
const EFFECT_MS = 10_000;

function toml(simulators: readonly Simulator[]): string {
  return `[servers]
servers = [
${simulators.map(({ url }) => `  { url = "${url}", max_concurrent_requests = 8 },`).join("\n")}
]
[config]
health_check_interval = 0.1
metrics_interval = 0.05
[server]
http1 = "${http1}"
`;
}

/** A router that watches a file in a new folder, and simulated servers for it. */
async function startFollowing(
  layout: (folder: string, text: string) => Promise<string>,
) {
  const folder = await Deno.makeTempDir();
  const simulators = await Promise.all(
    [1, 2, 3].map((seed) => startSimulator({ speed: 20, seed })),
  );
  const path = await layout(folder, toml(simulators.slice(0, 2)));
  const { text, files, checked } = await loadConfig(path);
  assert.ok(checked.ok);
  const router = startGateway({
    hostname: "127.0.0.1",
    port: 0,
    config: checked.config,
    file: { path, text, files },
  });
  await until("the router is ready", async () => {
    const response = await fetch(`http://127.0.0.1:${router.port}/readyz`);
    await response.body?.cancel();
    return response.ok;
  });
  return {
    folder,
    path,
    simulators,
    router,
    url: `http://127.0.0.1:${router.port}`,
    urls: () => router.fleet.snapshot().servers.map((server) => server.url),
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await Promise.all(simulators.map((simulator) => simulator.close()));
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function plainFile(folder: string, text: string): Promise<string> {
  const path = `${folder}/servers.toml`;
  await Deno.writeTextFile(path, text);
  return path;
}

/** A ConfigMap as Kubernetes mounts it: the file links into `..data`, which links to a version. */
async function configMap(folder: string, text: string): Promise<string> {
  await swapConfigMap(folder, text, 1);
  await Deno.symlink("..data/servers.toml", `${folder}/servers.toml`);
  return `${folder}/servers.toml`;
}

async function swapConfigMap(
  folder: string,
  text: string,
  version: number,
): Promise<void> {
  await Deno.mkdir(`${folder}/..version${version}`);
  await Deno.writeTextFile(`${folder}/..version${version}/servers.toml`, text);
  await Deno.symlink(`..version${version}`, `${folder}/..data_tmp`);
  await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
}

const ways: readonly [
  string,
  (folder: string, text: string) => Promise<string>,
  (folder: string, text: string, version: number) => Promise<void>,
][] = [
  [
    "an edit in place",
    plainFile,
    (folder, text) => Deno.writeTextFile(`${folder}/servers.toml`, text),
  ],
  ["an atomic rename", plainFile, async (folder, text) => {
    await Deno.writeTextFile(`${folder}/servers.toml.new`, text);
    await Deno.rename(`${folder}/servers.toml.new`, `${folder}/servers.toml`);
  }],
  ["a ConfigMap's symlink swap", configMap, swapConfigMap],
];

for (const [way, layout, change] of ways) {
  Deno.test(`${way} takes effect within a second, under load, without a failed request`, async () => {
    await using following = await startFollowing(layout);
    const { folder, simulators, url, urls } = following;
    let stop = false;
    let answered = 0;
    const client = async () => {
      while (!stop) {
        const response = await ask(url, { stream: true, tokens: 20 });
        const text = await response.text();
        assert.equal(response.status, 200, text);
        assert.equal(eventsOf(text).at(-1), "[DONE]");
        answered++;
      }
    };
    const load = Promise.all(Array.from({ length: 10 }, client));

    const [first, second, third] = simulators;
    const versions = [[second!, third!], [first!], [first!, second!, third!]];
    for (const [i, servers] of versions.entries()) {
      await change(folder, toml(servers), i + 2);
      const wanted = servers.map((server) => server.url).toSorted();
      const tookMs = await until(`version ${i + 2} is in effect`, () => {
        const states = following.router.fleet.snapshot().servers;
        const staying = states.filter(({ state }) => state !== "draining").map((
          server,
        ) => server.url);
        return staying.toSorted().join() === wanted.join();
      });
      assert.ok(tookMs < EFFECT_MS, `took ${tookMs} ms`);
      const before = answered;
      await until("requests go on", () => answered > before + 20);
    }
    stop = true;
    await load;
    assert.deepEqual(
      urls().toSorted(),
      simulators.map((server) => server.url).toSorted(),
    );
    assert.equal(inFlight(following.router), 0);
  });
}

Deno.test("an invalid file changes nothing, and the next valid one takes effect", async () => {
  await using following = await startFollowing(plainFile);
  const before = following.urls();
  await Deno.writeTextFile(following.path, "[servers]\nservers = [ { url = ");
  await following.router.reload();
  assert.deepEqual(following.urls(), before);
  const response = await ask(following.url);
  assert.equal(response.status, 200);
  await response.body?.cancel();

  await Deno.writeTextFile(following.path, toml(following.simulators));
  await until(
    "the valid file is taken",
    () => following.urls().length === 3,
    EFFECT_MS,
  );
});

Deno.test("a missing file changes nothing", async () => {
  await using following = await startFollowing(plainFile);
  await Deno.remove(following.path);
  await following.router.reload();
  assert.equal(following.urls().length, 2);
});

Deno.test("servers keep their state across a reload, and new ones start as checking", async () => {
  await using following = await startFollowing(plainFile);
  const { router, simulators } = following;
  const state = (url: string) =>
    router.fleet.snapshot().servers.find((server) => server.url === url);
  await until(
    "both are healthy",
    () => router.fleet.snapshot().servers.every((s) => s.state === "healthy"),
  );
  const checksBefore = state(simulators[0]!.url)!.totalChecks;
  await simulators[2]!.setFault({ kind: "health_hang" });

  await Deno.writeTextFile(following.path, toml(simulators));
  await router.reload();
  assert.equal(state(simulators[0]!.url)!.state, "healthy");
  assert.ok(state(simulators[0]!.url)!.totalChecks >= checksBefore);
  assert.equal(state(simulators[2]!.url)!.state, "checking");
});

Deno.test("a server removed while it streams finishes its stream, draining, and is then forgotten", async () => {
  await using following = await startFollowing(plainFile);
  const { router, simulators } = following;
  const response = await ask(following.url, { stream: true, tokens: 400 });
  const busy = router.fleet.snapshot().servers.find((server) => server.inFlight === 1)!;
  const other = simulators.find((simulator) => simulator.url !== busy.url)!;

  await Deno.writeTextFile(following.path, toml([other]));
  await router.reload();
  const draining = router.fleet.snapshot().servers.find((server) => server.url === busy.url);
  assert.equal(draining?.state, "draining");
  assert.equal(eventsOf(await response.text()).at(-1), "[DONE]");
  await until("it is forgotten", () => !following.urls().includes(busy.url));
});
