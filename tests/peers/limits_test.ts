import assert from "node:assert/strict";
import { type Gateway } from "../../src/gateway.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { startCli } from "../support/cli.ts";
import { MODEL } from "../support/fleet.ts";
import { freePort, PEER_KEY, type PeeredRouters, startPeeredRouters } from "../support/peered.ts";
import { until } from "../support/until.ts";

const KEY = "lab-key-1";

const authOf = (limits: Record<string, unknown>) => ({
  auth: { api_keys: [{ name: "lab", key: KEY, ...limits }] },
});

/** Asks with the key. The same prompt each time, of a few tokens. */
function ask(url: string, tokens = 1, stream = false): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
    body: JSON.stringify({
      model: MODEL,
      stream,
      max_tokens: tokens,
      ignore_eos: true,
      messages: [{ role: "user", content: "Hello" }],
    }),
  });
}

async function statusOf(url: string, tokens?: number): Promise<number> {
  const response = await ask(url, tokens);
  await response.text();
  return response.status;
}

/** Opens streams. A router that has just spent much waits until its peers know. */
async function openStreams(url: string, count: number, tokens: number): Promise<Response[]> {
  const streams: Response[] = [];
  await until("the streams are open", async () => {
    const stream = await ask(url, tokens, true);
    if (stream.status === 200) streams.push(stream);
    else await stream.body?.cancel();
    return streams.length === count;
  });
  return streams;
}

async function startLimited(
  limits: Record<string, unknown>,
  otherLimits = limits,
): Promise<PeeredRouters> {
  const peered = await startPeeredRouters({ tables: [authOf(limits), authOf(otherLimits)] });
  await untilPeers(...peered.routers);
  return peered;
}

async function untilPeers(...routers: Gateway[]): Promise<void> {
  await until(
    "they are peers",
    () => routers.every((router) => router.view().peers.every(({ up }) => up)),
  );
}

const shareAt = (router: Gateway) => router.view().keys[0]!.limitShare ?? 0;

Deno.test("a client that spreads its requests over two routers is refused at the sum", async () => {
  await using peered = await startLimited({ requests_per_minute: 20 });
  const urls = peered.routers.map(({ url }) => url);
  let served = 0;
  await until("both know that the limit is reached", async () => {
    const answers = await Promise.all(urls.map((url) => ask(url)));
    for (const answer of answers) await answer.text();
    served += answers.filter(({ status }) => status === 200).length;
    return answers.every(({ status, headers }) =>
      status === 429 && Number(headers.get("retry-after")) > 1 &&
      headers.get("x-ratelimit-remaining-requests") === "0"
    );
  });
  // Each may take one that the other hasn't heard of: more only on a machine that is busy otherwise.
  assert.ok(served >= 20 && served <= 24, `${served} of 20`);
});

Deno.test("tokens spent at one router are spent at the other: what it shows is the sum", async () => {
  await using peered = await startLimited({ tokens_per_minute: 1_000 });
  const [one, other] = peered.routers;
  const answer = await ask(one!.url, 600);
  const { usage } = await answer.json();
  await until(
    "both show it",
    () => [one, other].every((router) => shareAt(router!) === usage.total_tokens / 1_000),
  );
  assert.equal(await statusOf(other!.url, 600), 429);
  const page = await (await fetch(`http://127.0.0.1:${other!.admin!.port}/metrics`)).text();
  const shown = /^vllm_router_key_limit_usage{key="lab"} (\S+)$/m.exec(page)?.[1];
  assert.equal(Number(shown), usage.total_tokens / 1_000);
  assert.equal(await statusOf(other!.url, 300), 200);
  await until("the first one knows", () => shareAt(one!) > 0.9);
  assert.equal(await statusOf(one!.url, 200), 429);
});

Deno.test("requests in flight at one router count at the other, until they end", async () => {
  await using peered = await startLimited({ max_in_flight: 2 });
  const [one, other] = peered.routers;
  const streams = await openStreams(one!.url, 2, 3_000);
  await until("the other one is full", async () => await statusOf(other!.url) === 429);
  for (const stream of streams) await stream.body?.cancel();
  await until("it has places again", async () => await statusOf(other!.url) === 200);
});

Deno.test("a peer that has no limits is not limited, and spends none of the others'", async () => {
  await using peered = await startLimited({ requests_per_minute: 2 }, {});
  const [limited, free] = peered.routers;
  for (let i = 0; i < 5; i++) assert.equal(await statusOf(free!.url), 200);
  assert.equal(await statusOf(limited!.url), 200);
});

Deno.test("each router holds its own limit of a key against the sum", async () => {
  await using peered = await startLimited({ tokens_per_minute: 500 }, {
    tokens_per_minute: 10_000,
  });
  const [strict, generous] = peered.routers;
  assert.equal(await statusOf(generous!.url, 600), 200);
  await until("the strict one knows", () => shareAt(strict!) > 1);
  assert.equal(await statusOf(strict!.url, 1), 429);
  assert.equal(await statusOf(generous!.url, 600), 200);
});

Deno.test("a router that stops tells what it has spent last", async () => {
  await using peered = await startLimited({ tokens_per_minute: 10_000 });
  const [one, other] = peered.routers;
  const { usage } = await (await ask(one!.url, 600)).json();
  await one!.shutdown(0);
  await until("the other knows", () => shareAt(other!) === usage.total_tokens / 10_000);
});

Deno.test("what a killed peer has spent still counts, and all that is left may be spent without it", async () => {
  await using simulator = await startSimulator({ speed: 50 });
  await using files = await directory();
  const ports = [freePort(), freePort()] as const;
  const start = async (port: number) => {
    const path = `${files.path}/${port}.toml`;
    await Deno.writeTextFile(
      path,
      `[servers]
servers = [{ url = "${simulator.url}" }]
[auth]
api_keys = [{ name = "lab", key = "${KEY}", tokens_per_minute = 1000, max_in_flight = 2 }]
[admin]
listen = "127.0.0.1:${port}"
[peers]
routers = ["http://127.0.0.1:${ports[0]}", "http://127.0.0.1:${ports[1]}"]
key = "${PEER_KEY}"
`,
    );
    return await startCli(["--config", path]);
  };
  await using one = await start(ports[0]);
  const state = async (at: number) => {
    const health = await fetch(`http://127.0.0.1:${ports[at]}/health`);
    return (await health.json()).peers[0] as { up: boolean };
  };
  const spent = async (at: number) => {
    const page = await (await fetch(`http://127.0.0.1:${ports[at]}/metrics`)).text();
    return Number(/^vllm_router_key_limit_usage{key="lab"} (\S+)$/m.exec(page)?.[1] ?? 0);
  };
  {
    await using other = await start(ports[1]);
    await until("they are peers", async () => (await state(0)).up && (await state(1)).up);
    assert.equal(await statusOf(other.url, 500), 200);
    await until("the first one knows", async () => await spent(0) > 0.5);
    const [stream] = await openStreams(other.url, 1, 100);
    await until("the first one knows", async () => await spent(0) > 0.6);
    other.kill("SIGKILL");
    await stream!.text().catch(() => {});
    await other.status;
  }
  await until("it is away", async () => !(await state(0)).up);
  const left = await spent(0);
  assert.ok(left > 0.6 && left < 0.8, `${left}`);
  assert.equal(await statusOf(one.url, 500), 429);
  const streams = await Promise.all([1, 2].map(() => ask(one.url, 50, true)));
  assert.deepEqual(streams.map(({ status }) => status), [200, 200], "both places are its own");
  await Promise.all(streams.map((stream) => stream.text()));

  await using next = await start(ports[1]);
  await until("its successor is told what others have spent", async () => await spent(1) > 0);
  const before = await spent(0);
  assert.equal(await statusOf(next.url, 20), 200);
  await until("it counts besides its predecessor", async () => await spent(0) > before);
  assert.ok(await spent(0) < before + 0.1);
});

async function directory() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
