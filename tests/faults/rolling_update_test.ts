import assert from "node:assert/strict";
import { readAnswer } from "../../bench/chaos/answer.ts";
import { Client } from "../../bench/chaos/client.ts";
import { textOf } from "../../bench/chaos/servers.ts";
import { createTargetsFile } from "../../bench/chaos/targets_file.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { MODEL } from "../support/fleet.ts";
import { freePort, PEER_KEY } from "../support/peered.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

// A rolling update of all servers and of both routers loses no request (docs/reliability.md).

type Router = Awaited<ReturnType<typeof startRouter>>;

const SEED = 7;
const CLIENTS = 12;
/** 60 tokens take 0.6 s. */
const TOKENS = 60;

const startServer = () =>
  startSimulator({ seed: SEED, interTokenMs: 10, interTokenGrowth: 0, maxModelLen: 32_768 });

/** Starts a router that takes its servers from a file, and waits until it is ready for clients. */
async function startMember(admin: number, peer: number, targets: string): Promise<Router> {
  const router = await startRouter([], { max_retries: 4, drain_timeout: 20 }, {}, {
    servers: { servers: [] },
    admin: { listen: `127.0.0.1:${admin}` },
    peers: { routers: [`http://127.0.0.1:${peer}`], key: PEER_KEY },
    discovery: [{ files: [targets] }],
  });
  await until("it is ready", async () => {
    const response = await fetch(`${router.url}/readyz`);
    await response.body?.cancel();
    return response.status === 200;
  });
  return router;
}

/** Clients that ask one after the other until they are told to stop, behind a load balancer. */
function startClients(ready: readonly Router[]) {
  const problems: string[] = [];
  let answered = 0;
  let isOver = false;
  let turn = 0;
  const balancer = { choose: () => ready[turn++ % ready.length]!.port, refused() {} };

  async function askOn(client: number): Promise<void> {
    const own = new Client(balancer);
    for (let count = 0; !isOver; count++) {
      const content = `Tell me about ${client}.${count}`;
      const stream = count % 3 !== 2;
      const got = await own.ask({
        id: `${client}-${count}`,
        body: JSON.stringify({
          model: MODEL,
          messages: [{ role: "user", content }],
          stream,
          max_tokens: TOKENS,
          ignore_eos: true,
        }),
        leaving: undefined,
      });
      const { text, done, error } = readAnswer(got);
      const isWhole = got.ended === "clean" && done &&
        text === textOf({ content, tokens: TOKENS }, SEED);
      if (isWhole) answered++;
      else problems.push(`${client}.${count}: ${got.status}, ${got.ended}, ${error?.message}`);
    }
    own.close();
  }
  const asking = Array.from({ length: CLIENTS }, (_, client) => askOn(client));
  return {
    problems,
    answered: () => answered,
    stop() {
      isOver = true;
      return Promise.all(asking);
    },
  };
}

Deno.test("a rolling update of all servers and of both routers loses no request", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const targets = await createTargetsFile(folder, 64);
  const simulators: Simulator[] = [];
  async function addServer(): Promise<void> {
    const simulator = stack.use(await startServer());
    await targets.add(simulators.push(simulator) - 1, simulator.url);
  }
  for (let server = 0; server < 3; server++) await addServer();
  const [one, other] = [freePort(), freePort()];
  const admins = [[one, other], [other, one]] as const;
  const ready: Router[] = [];
  for (const [admin, peer] of admins) ready.push(await startMember(admin, peer, targets.path));
  stack.defer(async () => void await Promise.all(ready.map((router) => router.shutdown(0))));

  const clients = startClients(ready);
  /** Waits for that many more answers: every client is in the midst of a request. */
  const answers = (count: number) => {
    const before = clients.answered() + clients.problems.length;
    return until("there are answers", () => {
      return clients.answered() + clients.problems.length >= before + count;
    });
  };
  async function replaceServer(server: number, end: (of: Simulator) => Promise<void>) {
    await answers(4);
    await end(simulators[server]!);
    await targets.remove(server);
    await answers(4);
    await addServer();
    const { url } = simulators.at(-1)!;
    await until("its successor is in use", () => {
      return ready.every(({ fleet }) => {
        return fleet.snapshot().servers.some((known) =>
          known.url === url && known.state === "healthy"
        );
      });
    });
  }
  async function replaceRouter(index: number): Promise<void> {
    const [router] = ready.splice(index, 1);
    await router!.shutdown();
    ready.splice(index, 0, await startMember(...admins[index]!, targets.path));
  }

  await answers(CLIENTS);
  await replaceServer(0, (server) => server.setFault({ kind: "terminated", how: "abort" }));
  await Promise.all([
    replaceServer(1, (server) => server.setFault({ kind: "terminated", how: "error" })),
    replaceRouter(0),
  ]);
  await Promise.all([replaceServer(2, (server) => server.close()), replaceRouter(1)]);
  await answers(CLIENTS);
  await clients.stop();

  assert.deepEqual(clients.problems, []);
  const ended = simulators.slice(0, 3).map(({ state }) => state());
  const cutOff = ended.reduce((sum, { received, finished }) => sum + received - finished, 0);
  assert.ok(cutOff > 0, "servers ended under requests");
});
