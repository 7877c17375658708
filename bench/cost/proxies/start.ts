import { connect } from "../../support/connection.ts";
import { type Listening, sleep } from "../../support/processes.ts";
import { requestBytes } from "../load/request_bytes.ts";
import type { Proxy, Setup } from "./proxy.ts";

const READY_MS = 60_000;
const LOOK_MS = 100;

/**
 * Starts a proxy and waits until it answers. Some listen before they know their upstream.
 *
 * @throws {Error} when it doesn't start or doesn't answer in time
 */
export async function startProxy(proxy: Proxy, setup: Setup): Promise<Listening> {
  const process = await proxy.start(setup);
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const failure = await failureOf(process.port, setup.tls?.ca);
    if (failure === undefined) return process;
    if (performance.now() > deadline) {
      await process[Symbol.asyncDispose]();
      throw new Error(`${proxy.name} does not answer: ${failure}`);
    }
    await sleep(LOOK_MS);
  }
}

async function failureOf(port: number, ca: string | undefined): Promise<string | undefined> {
  try {
    const connection = await connect(port, ca);
    try {
      await connection.exchange(requestBytes({}), () => {});
    } finally {
      connection.close();
    }
  } catch (error) {
    return (error as Error).message;
  }
}
