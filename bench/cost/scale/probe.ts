/**
 * Runs the router as its command line does, and reports on its process: `GET /` at a second port
 * collects garbage and answers with the {@linkcode Looked} since the last call.
 *
 * Arguments: the second port, then those of the router. Requires `--v8-flags=--expose-gc`.
 */
import { main } from "../../../src/cli/program.ts";

/** What was seen of the process. */
export interface Looked {
  /** Resident memory after a garbage collection, in bytes. */
  readonly rss: number;
  /** Heap in use after it, in bytes. */
  readonly heap: number;
  /** Array buffers after it, in bytes. */
  readonly external: number;
  /** How late the event loop was, in milliseconds, over all of the time. */
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

declare const gc: () => void;

/** Interval between two looks at the clock. */
const LOOK_MS = 2;

/**
 * Measures how late something would be that became due at any time, and not only when the timer was
 * due: a pause of 20 ms delays what is due at its beginning by 20 ms and at its end by none.
 */
function watchLag(): () => Pick<Looked, "lagP50Ms" | "lagP99Ms" | "lagMaxMs"> {
  let lags: number[] = [];
  let before = performance.now();
  setInterval(() => {
    const now = performance.now();
    for (let lag = now - before - LOOK_MS; lag > 0; lag -= LOOK_MS) lags.push(lag);
    if (now - before <= LOOK_MS) lags.push(0);
    before = now;
  }, LOOK_MS);
  return () => {
    const sorted = Float64Array.from(lags).sort();
    lags = [];
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return { lagP50Ms: at(0.5), lagP99Ms: at(0.99), lagMaxMs: at(1) };
  };
}

function serveLooks(port: number): void {
  const lags = watchLag();
  Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, () => {
    const lag = lags();
    for (let round = 0; round < 3; round++) gc();
    const { rss, heapUsed: heap, external } = Deno.memoryUsage();
    // Forgets the pause for the collections.
    setTimeout(lags, 2 * LOOK_MS);
    return Response.json({ rss, heap, external, ...lag } satisfies Looked);
  });
}

if (import.meta.main) {
  const [port, ...args] = Deno.args;
  serveLooks(Number(port));
  Deno.exit(await main(args));
}
