/**
 * Runs the router as a process that reports its memory: each line on standard input is answered by
 * a line on standard output. When its input ends, it shuts the router down. The process then exits
 * unless a timer or a socket is left.
 *
 * Arguments: the configuration table as JSON. Requires `--v8-flags=--expose-gc`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { checkConfig } from "../../src/config/schema.ts";
import { startGateway } from "../../src/gateway.ts";
import { setUpLog } from "../../src/monitor/log.ts";

/** Resources of the process after a garbage collection, in bytes and counts. */
export interface Held {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
  readonly descriptors: number;
  readonly inFlight: number;
}

declare const gc: () => void;

async function serve(): Promise<void> {
  const checked = checkConfig(JSON.parse(Deno.args[0]!), () => undefined);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  await setUpLog({ level: "info", console: "none" });
  const gateway = startGateway({ hostname: "127.0.0.1", port: 0, config: checked.config });
  console.log(gateway.port);
  for await (const _ of Deno.stdin.readable) {
    // Objects freed by the first collection may reference objects that the second can free.
    for (let round = 0; round < 3; round++) {
      gc();
      await sleep(20);
    }
    const { rss, heapUsed: heap, external } = Deno.memoryUsage();
    const inFlight = gateway.fleet.servers.reduce((sum, server) => sum + server.inFlight, 0);
    const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
    const held: Held = { rss, heap, external, descriptors, inFlight };
    console.log(JSON.stringify(held));
  }
  await gateway.shutdown();
}

if (import.meta.main) await serve();
