/**
 * Measures the cost of the router, compared with nginx, HAProxy and other proxies in the same run.
 * Machines differ and are noisy, so only the ratios are meaningful. Linux only, since CPU and
 * memory come from `/proc`.
 *
 * See README.md on the parts, and on how to profile the router under this load.
 */
import { killChildren } from "../support/processes.ts";
import { type CommandLine, createCommand } from "./command_line.ts";
import { print } from "./part.ts";
import { parts } from "./parts.ts";
import { availableProxies } from "./proxies/available.ts";
import type { Proxy } from "./proxies/proxy.ts";
import { startProxy } from "./proxies/start.ts";
import { type Aim, verdicts } from "./report.ts";
import { startUpstream } from "./upstream/start.ts";

const INSTALL = "apt-get install nginx-light haproxy";

async function bench({ quick, only, against, http1 }: CommandLine): Promise<void> {
  const { proxies, missing } = availableProxies(against, http1);
  if (missing.length > 0) print(`Not installed: ${missing.join(", ")} (${INSTALL})`);
  const folder = await Deno.makeTempDir({ prefix: "vllm-router-bench-" });
  Deno.addSignalListener("SIGINT", () => leave(folder, 130));
  Deno.addSignalListener("SIGTERM", () => leave(folder, 143));
  const effort = quick ? { rounds: 2, seconds: 0.5 } : { rounds: 5, seconds: 1 };
  const aims: Aim[] = [];
  let exitCode = 0;
  const attempt = async (action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      console.error(`error: ${(error as Error).message}\n`);
      exitCode = 1;
    }
  };
  await attempt(() => checkThatTheyStart(proxies, folder));
  for (const name of exitCode === 0 ? only ?? Object.keys(parts) : []) {
    await attempt(async () => {
      aims.push(...await parts[name]!({ proxies, folder, ...effort }));
    });
  }
  if (aims.length > 0) print(verdicts(aims));
  leave(folder, exitCode);
}

/** Fails before anything is measured if a proxy can't be started or doesn't answer. */
async function checkThatTheyStart(proxies: readonly Proxy[], folder: string): Promise<void> {
  await using upstream = await startUpstream();
  for (const proxy of proxies) {
    await using _ = await startProxy(proxy, { upstream: upstream.port, folder });
  }
}

/** Exits explicitly and kills all children: signal listeners would keep the process alive. */
function leave(folder: string, exitCode: number): never {
  killChildren();
  Deno.removeSync(folder, { recursive: true });
  Deno.exit(exitCode);
}

await createCommand(Object.keys(parts)).action(bench).parseAsync(Deno.args, { from: "user" });
