import { connect, type Connection } from "../support/connection.ts";

/** Sends requests over kept connections, one per concurrent request. */
export interface Client {
  /**
   * Sends a chat request and reads its answer to the end.
   *
   * @param onFirst called when the first bytes of the answer's body arrive
   * @throws {Error} when the status is not 200 or the answer breaks off
   */
  send(port: number, body: Uint8Array, onFirst: () => void): Promise<void>;
  close(): void;
}

/** An idle connection. */
interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

/** Below 5 s, after which vLLM and the simulator close an idle connection. */
const LONGEST_IDLE_MS = 4_000;
const encoder = new TextEncoder();

export function createClient(): Client {
  const idle = new Map<number, Idle[]>();

  async function connectionTo(port: number, kept: Idle[]): Promise<Connection> {
    while (kept.length > 0) {
      const { connection, sinceMs } = kept.pop()!;
      if (performance.now() - sinceMs < LONGEST_IDLE_MS) return connection;
      connection.close();
    }
    return await connect(port);
  }

  return {
    async send(port, body, onFirst) {
      const kept = idle.get(port) ?? [];
      idle.set(port, kept);
      const connection = await connectionTo(port, kept);
      try {
        await connection.exchange(httpRequest(body), onFirst);
        kept.push({ connection, sinceMs: performance.now() });
      } catch (error) {
        connection.close();
        throw error;
      }
    },
    close() {
      for (const kept of idle.values()) kept.forEach(({ connection }) => connection.close());
    },
  };
}

function httpRequest(body: Uint8Array): Uint8Array {
  const head = encoder.encode(
    [
      "POST /v1/chat/completions HTTP/1.1",
      "host: 127.0.0.1",
      "user-agent: bench",
      "content-type: application/json",
      `content-length: ${body.length}`,
      "",
      "",
    ].join("\r\n"),
  );
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}
