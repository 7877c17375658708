import { cpuMicroseconds, sleep } from "../support/processes.ts";
import { startStreams } from "./load/drive.ts";
import { type Bench, inTurn } from "./rounds.ts";
import type { Rounds } from "./statistics.ts";

/** Streams of a moderately busy proxy, with 100 events a second each. */
export const STREAMS = 64;
/** Together 25,600 events a second. */
export const MANY_STREAMS = 256;
const EVERY_MS = 10;

/** Measures the CPU per streamed event in microseconds while `streams` streams are open. */
export function measureEvents(bench: Bench, streams: number): Promise<Rounds> {
  return inTurn(bench, async ({ pid, port }, seconds) => {
    await using load = startStreams({ port, ca: bench.tls?.ca });
    await load.open(streams);
    await load.open(streams); // discards what came while they opened
    const before = cpuMicroseconds(pid);
    await sleep(seconds * 1000);
    const { events } = await load.open(streams);
    return (cpuMicroseconds(pid) - before) / events;
  }, { upstream: { everyMs: EVERY_MS } });
}
