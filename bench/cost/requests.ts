import { cpuMicroseconds } from "../support/processes.ts";
import { sendRequests } from "./load/drive.ts";
import type { ChatRequest } from "./load/request_bytes.ts";
import type { LoadResult } from "./load/requests.ts";
import { type Bench, inTurn } from "./rounds.ts";
import type { Rounds } from "./statistics.ts";
import type { UpstreamOptions } from "./upstream/main.ts";

export const CONNECTIONS = 64;
export const LONG_PROMPT_BYTES = 8 * 1024;

/** Measures the CPU per request in microseconds. Each of 64 connections sends without a pause. */
export function measureRequests(
  bench: Bench,
  request: ChatRequest = {},
  upstream: Omit<UpstreamOptions, "port"> = {},
): Promise<Rounds> {
  return inTurn(bench, async ({ pid, port }, seconds) => {
    const before = cpuMicroseconds(pid);
    const load = { port, ca: bench.tls?.ca, connections: CONNECTIONS, request, seconds };
    const { requests } = await sendRequests(load);
    return (cpuMicroseconds(pid) - before) / requests;
  }, { upstream });
}

/**
 * Measures the time from request to answer on one connection, for the proxies and for the upstream
 * alone. The next request follows at once, so that nothing has to wake up first.
 */
export function measureLatency(bench: Bench): Promise<Rounds<LoadResult>> {
  return inTurn(
    bench,
    ({ port }, seconds) => sendRequests({ port, connections: 1, request: {}, seconds }),
    { isDirectToo: true },
  );
}
