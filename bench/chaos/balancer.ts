import { sleep } from "../support/processes.ts";

/** Chooses the router of each new connection, as a load balancer with health checks does. */
export interface Balancer extends AsyncDisposable {
  /** Returns the port of the next router in turn that is ready, or of the last one that was. */
  choose(): number;
  /** A router refused a connection: it gets no other one until its next check. */
  refused(port: number): void;
}

const CHECK_EVERY_MS = 100;
const CHECK_TIMEOUT_MS = 1_500;

/** Starts to check the routers at these ports. */
export function startBalancer(ports: readonly number[]): Balancer {
  const ready = new Set(ports);
  const stopping = new AbortController();
  let lastReady = ports[0]!;
  let turn = 0;

  async function check(port: number): Promise<void> {
    while (!stopping.signal.aborted) {
      const isReady = await fetch(`http://127.0.0.1:${port}/readyz`, {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
      }).then(async (response) => {
        await response.body?.cancel();
        return response.status === 200;
      }, () => false);
      if (isReady) ready.add(port);
      else ready.delete(port);
      await sleep(CHECK_EVERY_MS);
    }
  }
  const checking = ports.map(check);

  return {
    choose() {
      const choice = ports.filter((port) => ready.has(port));
      return lastReady = choice[turn++ % choice.length] ?? lastReady;
    },
    refused: (port) => void ready.delete(port),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all(checking);
    },
  };
}
