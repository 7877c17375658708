import assert from "node:assert/strict";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { readState } from "../../src/state_disk.ts";
import { ask } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

/** Conversations that share no beginning, each of some hundred tokens. */
const CONTENTS = Array.from({ length: 6 }, (_, i) => `${i} and nothing else. `.repeat(250));

interface Stats {
  readonly servers: readonly {
    readonly url: string;
    readonly prefill_tokens_per_second: number;
    readonly seconds_per_answer_token: number;
    readonly prefix_blocks: number;
  }[];
  readonly summary: { readonly tokens_per_byte: Record<string, number> };
}

async function statsOf(url: string): Promise<Stats> {
  return await (await fetch(`${url}/load-stats`)).json();
}

async function served(url: string, content: string): Promise<string> {
  const response = await ask(url, { content, stream: true, tokens: 20 });
  await response.text();
  return response.headers.get("x-served-by")!;
}

/** Two servers, the second slower, and a folder for a state file. */
async function withServers(
  use: (
    simulators: readonly [Simulator, Simulator],
    start: () => ReturnType<typeof startRouter>,
    path: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/state.json`;
  const simulators = await Promise.all([
    startSimulator({ seed: 1, prefillTokensPerSecond: 8_000 }),
    startSimulator({ seed: 2, prefillTokensPerSecond: 2_000 }),
  ]);
  const start = () =>
    startRouter(
      simulators.map(({ url }) => ({ url, max_concurrent_requests: 8 })),
      { state_file: path, debug_headers: true },
    );
  try {
    await use(simulators, start, path);
  } finally {
    await Promise.all(simulators.map((simulator) => simulator.close()));
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sends each conversation to the router, several at once, so that both servers get some. */
async function teach(url: string): Promise<readonly string[]> {
  const servers = await Promise.all(CONTENTS.map((content) => served(url, content)));
  assert.equal(new Set(servers).size, 2, "both servers got some");
  return servers;
}

Deno.test("a restarted router knows paces and prefixes before the first request", () =>
  withServers(async (_, start, path) => {
    let before: Stats;
    let servers: readonly string[];
    {
      await using router = await start();
      servers = await teach(router.url);
      await until(
        "the counters of all prompts were read",
        () =>
          router.fleet.servers.every(({ scrape, inFlight }) =>
            inFlight === 0 && (scrape?.counters?.prompt ?? 0) > 500
          ),
      );
      before = await statsOf(router.url);
    }
    assert.ok(Deno.statSync(path).size < 10_000);
    await using router = await start();
    await until(
      "every server was scraped",
      () => router.fleet.servers.every(({ scrape }) => scrape !== undefined),
    );
    const after = await statsOf(router.url);
    for (const [i, was] of before.servers.entries()) {
      const is = after.servers[i]!;
      assert.equal(is.prefix_blocks, was.prefix_blocks);
      assert.ok(was.prefix_blocks > 0);
      const times = is.prefill_tokens_per_second / was.prefill_tokens_per_second;
      assert.ok(times > 0.7 && times < 1.4, `${times} times the prefill pace`);
    }
    const [fast, slow] = after.servers.map((server) => server.prefill_tokens_per_second);
    assert.ok(fast! > 1.5 * slow!, `${fast} and ${slow} tokens a second`);
    assert.deepEqual(Object.keys(after.summary.tokens_per_byte), ["simulated-model"]);
    // Without what was learned, the faster server would get them all, one after the other.
    for (const [i, content] of CONTENTS.entries()) {
      assert.equal(await served(router.url, content), servers[i], `conversation ${i}`);
    }
  }));

Deno.test("a server that restarted while the router was down has lost its prefixes", () =>
  withServers(async ([kept, lost], start) => {
    {
      await using router = await start();
      await teach(router.url);
      await until(
        "the counters of all prompts were read",
        () =>
          router.fleet.servers.every(({ scrape, inFlight }) =>
            inFlight === 0 && (scrape?.counters?.prompt ?? 0) > 500
          ),
      );
    }
    const { port } = lost;
    await lost.close();
    await using _ = await startSimulator({ port, seed: 2 });
    await using router = await start();
    await until(
      "every server was scraped",
      () => router.fleet.servers.every(({ scrape }) => scrape !== undefined),
    );
    const { servers } = await statsOf(router.url);
    const blocksOf = (url: string) => servers.find((one) => one.url === url)!.prefix_blocks;
    assert.ok(blocksOf(kept.url) > 0);
    assert.equal(blocksOf(lost.url), 0);
  }));

Deno.test("a broken state file stops neither the start nor a request", () =>
  withServers(async (_, start, path) => {
    await Deno.writeTextFile(path, '{"version":1,"estimates":{"servers":');
    {
      await using router = await start();
      const problem = `The state file ${path} is not used, and will be overwritten: ` +
        "it isn't valid JSON";
      await until("it is shown", () => router.view().events.some(({ text }) => text === problem));
      assert.ok((await served(router.url, CONTENTS[0]!)).length > 0);
    }
    const saved = readState(path);
    assert.ok(saved && "parts" in saved, "it was overwritten");
  }));

Deno.test("a router that stops before it has read a source keeps what is saved of its servers", () =>
  withServers(async ([{ url }], _, path) => {
    const folder = `${path}.d`;
    const start = () =>
      startRouter([], { state_file: path }, {}, { discovery: [{ files: [`${folder}/a.json`] }] });
    const write = async () => {
      await Deno.mkdir(folder);
      await Deno.writeTextFile(`${folder}/a.json`, JSON.stringify([{ targets: [url] }]));
    };
    const urls = () => {
      const saved = readState(path);
      assert.ok(saved && "parts" in saved);
      const { servers } = saved.parts.estimates as { servers: { url: string }[] };
      return servers.map(({ url }) => url);
    };
    await write();
    {
      await using router = await start();
      await until("the server was found", () => router.fleet.servers.length === 1);
    }
    assert.deepEqual(urls(), [url]);
    await Deno.remove(folder, { recursive: true });
    {
      await using router = await start();
      await until("the source can't be read", () => router.view().sources[0]?.failure != null);
    }
    assert.deepEqual(urls(), [url]);
    await Deno.mkdir(folder);
    {
      await using router = await start();
      await until("the source was read", () => router.view().sources[0]?.servers === 0);
    }
    assert.deepEqual(urls(), []);
  }));

Deno.test("a router that is killed while it writes leaves the old file or the new one", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/state.json`;
  const writer = new URL("../support/state_writer.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  try {
    for (let round = 0; round < 6; round++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-check", `--config=${config}`, "-A", writer, path],
        env: { DENO_NO_UPDATE_CHECK: "1" },
        stdout: "piped",
      }).spawn();
      const { ino } = round === 0 ? { ino: undefined } : await Deno.stat(path);
      const output = new Response(child.stdout).text();
      await until("it writes", async () => {
        const now = await Deno.stat(path).catch(() => undefined);
        return now !== undefined && now.ino !== ino;
      });
      await until("it writes again, at any place", () => {
        try {
          return Deno.statSync(`${path}.tmp`).size > round * 20_000;
        } catch {
          return false;
        }
      });
      child.kill("SIGKILL");
      await child.status;
      assert.equal(await output, "");
      const saved = readState(path);
      assert.ok(saved && "parts" in saved, JSON.stringify(saved));
      const counts = saved.parts.count as number[];
      assert.equal(counts.length, 500 * 500 + 1);
      assert.ok(counts.every((count) => count === counts[0]));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
