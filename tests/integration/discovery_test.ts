import assert from "node:assert/strict";
import { createServer } from "node:https";
import { loadConfig } from "../../src/config/file/load.ts";
import { startGateway } from "../../src/gateway.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { createAuthority } from "../security/certificates.ts";
import { startDnsServer } from "../support/dns_server.ts";
import { ask, eventsOf } from "../support/fleet.ts";
import { seeded } from "../support/random.ts";
import { http1 } from "../support/router.ts";
import { until } from "../support/until.ts";

const REST = `
[config]
health_check_interval = 0.1
metrics_interval = 0.05
[server]
http1 = "${http1}"
`;

const hostOf = (url: string) => url.replace("http://", "");
const targets = (urls: readonly string[]) => JSON.stringify([{ targets: urls.map(hostOf) }]);

/** A router whose configuration is a file in a folder, beside that of its servers. */
async function startFollowing(
  discovery: string,
  simulators: readonly Simulator[],
  more: Readonly<Record<string, string>> = {},
) {
  const folder = await Deno.makeTempDir();
  const write = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder}/${name}.new`, text);
    Deno.renameSync(`${folder}/${name}.new`, `${folder}/${name}`);
  };
  for (const [name, text] of Object.entries(more)) write(name, text);
  write("servers.json", targets(simulators.map(({ url }) => url)));
  const configure = (discovery: string) => write("servers.toml", discovery + REST);
  configure(discovery);
  const path = `${folder}/servers.toml`;
  const { text, files, checked } = await loadConfig(path);
  assert.ok(checked.ok, JSON.stringify(checked));
  const router = startGateway({
    hostname: "127.0.0.1",
    port: 0,
    config: checked.config,
    file: { path, text, files },
  });
  const states = () => router.fleet.snapshot().servers.map(({ url, state }) => `${url} ${state}`);
  return {
    router,
    write,
    configure,
    states,
    url: `http://127.0.0.1:${router.port}`,
    are: (...urls: string[]) =>
      until(
        `the servers are ${urls}`,
        () => states().join() === urls.map((url) => `${url} healthy`).join(),
      ),
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function simulators(count: number) {
  const all = await Promise.all(
    Array.from({ length: count }, (_, seed) => startSimulator({ speed: 20, seed })),
  );
  return Object.assign(all, {
    [Symbol.asyncDispose]: async () => void await Promise.all(all.map((one) => one.close())),
  });
}

const FILES = '[[discovery]]\nfiles = ["*.json"]\n';

Deno.test("a router without a list of servers takes them from its sources, and serves at once", async () => {
  await using all = await simulators(1);
  await using router = await startFollowing(FILES, all);
  const response = await ask(router.url);
  assert.equal(response.status, 200);
  await response.body?.cancel();
});

Deno.test("servers of a file and of a name in DNS join those of the list, each once", async () => {
  await using all = await simulators(3);
  const [listed, filed, named] = all.map(({ url }) => url);
  await using dns = startDnsServer({ "A vllm.internal": ["127.0.0.1"] });
  await using router = await startFollowing(
    `${FILES}[[discovery]]\ndns = { name = "vllm.internal", port = ${
      new URL(named!).port
    }, every = 0.05, resolver = "${dns.address}" }\n` +
      `[servers]\nservers = [{ url = "${listed}" }]\n`,
    [all[0]!, all[1]!],
  );
  await router.are(listed!, filed!, named!);
  dns.answers = "nxdomain";
  router.write("servers.json", targets([]));
  await router.are(listed!, named!);
});

Deno.test("a server at an address from DNS is asked for the name, and must have a certificate for it", async () => {
  const authority = await createAuthority();
  const names = new Set<unknown>();
  const server = createServer(await authority.issue(), (request, response) => {
    names.add((request.socket as unknown as { servername: unknown }).servername);
    response.end(request.url === "/v1/models" ? JSON.stringify({ data: [{ id: "m" }] }) : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await using dns = startDnsServer({
    "A localhost": ["127.0.0.1"],
    "A vllm.internal": ["127.0.0.1"],
  });
  const source = (name: string) =>
    `[[discovery]]\nscheme = "https"\ndefaults = { ca = "ca.pem" }\n` +
    `dns = { name = "${name}", port = ${port}, type = "A", every = 0.05, resolver = "${dns.address}" }\n`;
  try {
    await using router = await startFollowing(source("localhost"), [], { "ca.pem": authority.ca });
    await router.are(`https://127.0.0.1:${port}`);
    assert.deepEqual([...names], ["localhost"]);
    router.configure(source("vllm.internal"));
    await until("it is unhealthy", () => {
      const [shown] = router.router.fleet.snapshot().servers;
      return shown?.state === "unhealthy" && shown.reason.includes("vllm.internal");
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("a label drains a server: its stream ends whole, and it gets no new requests", async () => {
  await using all = await simulators(2);
  const [a, b] = all.map(({ url }) => url);
  await using router = await startFollowing(FILES, all);
  await router.are(a!, b!);
  const streams = await Promise.all(
    Array.from({ length: 6 }, () => ask(router.url, { stream: true, tokens: 200 })),
  );
  router.write(
    "servers.json",
    JSON.stringify([
      { targets: [hostOf(a!)], labels: { draining: "true" } },
      { targets: [hostOf(b!)] },
    ]),
  );
  await until("it drains", () => router.states().includes(`${a} draining`));
  for (const stream of streams) assert.equal(eventsOf(await stream.text()).at(-1), "[DONE]");
  const before = all[0]!.state().received;
  for (let i = 0; i < 5; i++) await (await ask(router.url)).text();
  assert.equal(all[0]!.state().received, before);
  router.write("servers.json", targets([a!, b!]));
  await router.are(a!, b!);
});

Deno.test("a reload that replaces the list by a source of other servers loses no request", async () => {
  await using all = await simulators(2);
  const [a, b] = all.map(({ url }) => url);
  await using router = await startFollowing(`[servers]\nservers = [{ url = "${a}" }]\n`, [all[1]!]);
  await router.are(a!);
  await using load = startLoad(router.url);
  await until("requests are answered", () => load.answered > 10);
  router.configure(FILES);
  await router.are(b!);
  const { answered } = load;
  await until("requests are answered on", () => load.answered > answered + 10);
  assert.deepEqual(load.failures, []);
});

Deno.test("fifty servers that come and go all the time cost no request, and leave nothing behind", async () => {
  await using all = await simulators(4);
  const real = all.map(({ url }) => url);
  // Addresses at which nobody listens.
  const dead = Array.from({ length: 200 }, (_, i) => `http://127.1.${i}.1:1025`);
  const random = seeded(1);
  const some = (urls: readonly string[], count: number) =>
    [...urls].sort(() => random() - 0.5).slice(0, count);
  await using router = await startFollowing(FILES, all.slice(0, 2));
  await router.are(...real.slice(0, 2));
  await using load = startLoad(router.url);
  for (let round = 0; round < 40; round++) {
    const live = some(real, 1 + Math.floor(random() * 3));
    router.write("servers.json", targets([...live, ...some(dead, 50 - live.length)]));
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  router.write("servers.json", targets([real[0]!]));
  await router.are(real[0]!);
  const { answered } = load;
  await until("requests are answered on", () => load.answered > answered + 10);
  assert.deepEqual(load.failures, []);
  assert.deepEqual(router.states(), [`${real[0]} healthy`]);
});

/** Clients that ask all the time, half of them for streams, and count what they get. */
function startLoad(url: string) {
  const load = { answered: 0, failures: [] as string[], isStopped: false };
  async function client(stream: boolean): Promise<void> {
    while (!load.isStopped) {
      const response = await ask(url, { stream, tokens: 20 });
      const text = await response.text();
      const isWhole = stream
        ? eventsOf(text).at(-1) === "[DONE]" && !text.includes('"error"')
        : JSON.parse(text).usage?.completion_tokens === 20;
      if (response.ok && isWhole) load.answered++;
      else load.failures.push(`${response.status} ${text.slice(0, 500)}`);
    }
  }
  const ended = Promise.all(Array.from({ length: 8 }, (_, i) => client(i % 2 === 0)));
  return Object.assign(load, {
    async [Symbol.asyncDispose]() {
      load.isStopped = true;
      await ended;
    },
  });
}
