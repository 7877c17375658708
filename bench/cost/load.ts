/**
 * Generates load in a separate process, over raw TCP, to leave most of the CPU to the proxy. Prints
 * `open` once every connection has received the first bytes of an answer, and finally the
 * {@linkcode LoadResult}.
 *
 * Arguments: the {@linkcode Load} as JSON.
 */
import { connect } from "../support/connection.ts";
import { sleep } from "../support/processes.ts";

export interface Load {
  /** Target port on loopback. */
  readonly port: number;
  readonly connections: number;
  /** @default "/v1/chat/completions" */
  readonly path?: string;
  /** Additional headers. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** The JSON body of every request. */
  readonly body: unknown;
  /** Time during which each connection sends requests one after another; 0 sends a single one. */
  readonly seconds: number;
  /** Requests per second over all connections. @default as fast as possible */
  readonly rate?: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Number of server-sent events in all answers. */
  readonly events: number;
  /** Time from sending a request to the last byte of its answer, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Delay between two connections, so that no listener's backlog overflows. */
const STAGGER_MS = 1;

async function makeLoad(load: Load, onOpen: () => void): Promise<LoadResult> {
  const request = requestBytes(load);
  const latencies: number[] = [];
  let events = 0;
  let opened = 0;

  async function send(index: number): Promise<void> {
    await sleep(index * STAGGER_MS);
    const connection = await connect(load.port);
    let first = true;
    const onBody = () => {
      if (first && ++opened === load.connections) onOpen();
      first = false;
    };
    const startedAt = performance.now();
    const everyMs = load.rate ? load.connections / load.rate * 1000 : 0;
    const phaseMs = everyMs * index / load.connections;
    for (let count = 0;; count++) {
      const dueAt = startedAt + phaseMs + count * everyMs;
      if (dueAt > performance.now()) await sleep(dueAt - performance.now());
      const sentAt = performance.now();
      const received = await connection.exchange(request, onBody);
      const now = performance.now();
      events += received;
      latencies.push(now - sentAt);
      if (now - startedAt >= load.seconds * 1000) break;
    }
    connection.close();
  }

  await Promise.all(
    Array.from({ length: load.connections }, (_, index) => send(index)),
  );
  latencies.sort((a, b) => a - b);
  const quantile = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]!;
  return {
    requests: latencies.length,
    events,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

function requestBytes(
  { path = "/v1/chat/completions", headers = {}, body }: Load,
): Uint8Array {
  const encoder = new TextEncoder();
  const text = JSON.stringify(body);
  return encoder.encode(
    [
      `POST ${path} HTTP/1.1`,
      "host: 127.0.0.1",
      "user-agent: bench",
      "accept: application/json",
      "content-type: application/json",
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${encoder.encode(text).length}`,
      "",
      text,
    ].join("\r\n"),
  );
}

if (import.meta.main) {
  const load = JSON.parse(Deno.args[0]!) as Load;
  const result = await makeLoad(load, () => console.log("open"));
  console.log(JSON.stringify(result));
}
