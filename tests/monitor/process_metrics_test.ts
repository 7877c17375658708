import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { startCli } from "../support/cli.ts";
import { ask, startFleet } from "../support/fleet.ts";
import { http1 } from "../support/router.ts";
import { until } from "../support/until.ts";
import { connectRaw, type RawConnection } from "../security/raw_client.ts";
import { withFolder } from "./process.ts";

const CONNECTIONS = 20;

Deno.test("a router with its production permissions exports its own CPU time, memory, start and connections", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ speed: 200 });
    const path = `${folder}/servers.toml`;
    const server = `[servers]\nservers = [{ url = "${simulator.url}" }]\n`;
    await Deno.writeTextFile(path, `${server}[server]\nhttp1 = "${http1}"\n`);
    const startedAt = Date.now() / 1000;
    await using router = await startCli(["--config", path]);
    const page = async () => await (await fetch(`${router.url}/metrics`)).text();
    const valueOf = async (name: string) =>
      Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await page())?.[1]);

    const start = await valueOf("process_start_time_seconds");
    assert.ok(start >= startedAt - 1 && start <= Date.now() / 1000, String(start));
    const { rss } = Deno.memoryUsage();
    const memory = await valueOf("process_resident_memory_bytes");
    assert.ok(memory > rss / 100 && memory < rss * 100, String(memory));

    const cpu = await valueOf("process_cpu_seconds_total");
    assert.ok(cpu > 0, String(cpu));
    await until("requests cost CPU time", async () => {
      await (await ask(router.url)).text();
      return await valueOf("process_cpu_seconds_total") > cpu;
    });
    await until(
      "the event loop is watched",
      async () => await valueOf("vllm_router_event_loop_lag_seconds_count") > 1,
    );
    // The runtime doesn't let a program with limited permissions read these.
    assert.doesNotMatch(await page(), /process_(open|max)_fds/);

    const name = "vllm_router_open_connections";
    if (http1 === "deno") return assert.doesNotMatch(await page(), new RegExp(name));
    const port = Number(new URL(router.url).port);
    const crowd: RawConnection[] = [];
    while (crowd.length < CONNECTIONS) crowd.push(await connectRaw(port));
    await until("all are counted", async () => await valueOf(name) >= CONNECTIONS);
    for (const connection of crowd) await connection[Symbol.asyncDispose]();
    await until("none of them is counted", async () => await valueOf(name) < CONNECTIONS);
  }));

Deno.test("a router whose event loop was blocked tells so in its metrics", async () => {
  await using fleet = await startFleet({ servers: [{}] });
  /** Counts the timers that were late by more than 0.1 s. */
  async function late(): Promise<number> {
    const page = await (await fetch(`${fleet.router.url}/metrics`)).text();
    const upTo = (bound: string) =>
      Number(
        page.split(`vllm_router_event_loop_lag_seconds_bucket{le="${bound}"} `)[1]!.split("\n")[0],
      );
    return upTo("+Inf") - upTo("0.1");
  }
  const before = await late();
  const blockedUntil = performance.now() + 200;
  while (performance.now() < blockedUntil);
  await until("the block is counted", async () => await late() > before);
});
