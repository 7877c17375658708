/**
 * Sends requests in a separate process, over raw TCP, to leave most of the CPU to the proxy. Prints
 * the {@linkcode LoadResult} as JSON.
 *
 * Arguments: the {@linkcode Load} as JSON.
 */
import { connect } from "../../support/connection.ts";
import { sleep } from "../../support/processes.ts";
import { quantileOf } from "../statistics.ts";
import { type ChatRequest, requestBytes } from "./request_bytes.ts";

export interface Load {
  /** Target port on loopback. */
  readonly port: number;
  /** Use TLS and trust this authority, in PEM. @default plain */
  readonly ca?: string | undefined;
  readonly connections: number;
  readonly request: ChatRequest;
  /** Time during which each connection sends requests one after another. */
  readonly seconds: number;
  /** Pause of a connection between two requests. @default none */
  readonly pauseMs?: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Time from sending a request to the last byte of its answer, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Different prompts, sent in turn. */
const VARIANTS = 64;

async function makeLoad(
  { port, ca, connections, request, seconds, pauseMs = 0 }: Load,
): Promise<LoadResult> {
  const requests = Array.from(
    { length: VARIANTS },
    (_, variant) => requestBytes({ ...request, variant }),
  );
  const open = await Promise.all(Array.from({ length: connections }, () => connect(port, ca)));
  const latencies: number[] = [];
  const endsAt = performance.now() + seconds * 1000;
  await Promise.all(open.map(async (connection, index) => {
    for (let turn = index, now = performance.now(); now < endsAt; turn++) {
      const sentAt = now;
      await connection.exchange(requests[turn % VARIANTS]!, () => {});
      now = performance.now();
      latencies.push(now - sentAt);
      if (pauseMs > 0) {
        await sleep(pauseMs);
        now = performance.now();
      }
    }
    connection.close();
  }));
  return {
    requests: latencies.length,
    p50Ms: quantileOf(latencies, 0.5),
    p99Ms: quantileOf(latencies, 0.99),
  };
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(await makeLoad(JSON.parse(Deno.args[0]!))));
  } catch (error) {
    const [status] = (error as Error).message.split("\r\n", 1);
    console.error(`The load failed: a request got "${status}"`);
    Deno.exit(1);
  }
}
