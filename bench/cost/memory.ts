import { descriptorLimit, residentKilobytes, sleep } from "../support/processes.ts";
import { startStreams } from "./load/drive.ts";
import { type Bench, startedAnew } from "./rounds.ts";
import type { Rounds } from "./statistics.ts";
import { startUpstream } from "./upstream/start.ts";

const EVERY_MS = 500;
/** Time after the start for memory to settle. */
const SETTLE_MS = 2_000;
/** Descriptors that a proxy or the load needs besides those of streams. */
const OTHER_DESCRIPTORS = 200;

/** Returns how many of the wanted streams a proxy can have open, with two descriptors each. */
export function streamsWithin(wanted: number, descriptors: number): number {
  return Math.max(0, Math.min(wanted, Math.floor((descriptors - OTHER_DESCRIPTORS) / 2)));
}

/**
 * Returns how many streams to open, and prints what is missing if that is not all of them.
 *
 * @returns `undefined` if so few can be opened that the part must be skipped
 */
export function streamsToOpen(wanted: number): number | undefined {
  const limit = descriptorLimit();
  const streams = streamsWithin(wanted, limit);
  if (streams === wanted) return streams;
  const isEnough = streams >= wanted / 2;
  console.log(
    `${wanted} streams need ${2 * wanted + OTHER_DESCRIPTORS} file descriptors (ulimit -n); ` +
      `with the limit of ${limit}, ${isEnough ? `${streams} are opened` : "they are skipped"}.\n`,
  );
  return isEnough ? streams : undefined;
}

/** Measures the memory of a new process in MB of 1,024 KB, before it gets its first stream. */
export async function measureIdle(bench: Bench): Promise<Rounds> {
  await using upstream = await startUpstream();
  return await startedAnew(bench, upstream.port, async ({ pid }) => {
    await sleep(SETTLE_MS);
    return residentKilobytes(pid) / 1024;
  });
}

/**
 * Measures the memory per open stream in KB, each with an event every 500 ms. The baseline is taken
 * with one stream, which includes the memory needed at all.
 */
export async function measureMemory(bench: Bench, streams: number): Promise<Rounds> {
  await using upstream = await startUpstream({ everyMs: EVERY_MS });
  return await startedAnew(bench, upstream.port, async ({ pid, port }, seconds) => {
    await using load = startStreams({ port });
    const residentWith = async (open: number) => {
      await load.open(open);
      await sleep(seconds * 1000);
      return residentKilobytes(pid);
    };
    const one = await residentWith(1);
    return (await residentWith(streams) - one) / (streams - 1);
  });
}
