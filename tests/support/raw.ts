/** A server whose connections are handled entirely by a test. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** Number of connections so far. */
  readonly connections: () => number;
  /** Number of inference requests so far. */
  readonly requests: () => number;
}

/** Answers one request, the `nth` on its connection, counted from 1. */
export type Answer = (connection: Deno.Conn, nth: number) => Promise<void> | void;

const encoder = new TextEncoder();

/** Writes text unchanged. */
export async function say(connection: Deno.Conn, text: string): Promise<void> {
  for (let bytes = encoder.encode(text); bytes.length > 0;) {
    bytes = bytes.subarray(await connection.write(bytes));
  }
}

/** The head of a chunked event stream. */
export const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/** Returns one chunk of a chunked body. */
export function chunk(text: string): string {
  return `${encoder.encode(text).length.toString(16)}\r\n${text}\r\n`;
}

/**
 * Listens on loopback. Answers every `GET` with an empty 200, so that health checks pass. `answer`
 * handles every other request once its body has arrived.
 */
export function startRaw(
  answer: Answer,
  tls?: { readonly cert: string; readonly key: string },
): RawServer {
  const address = { hostname: "127.0.0.1", port: 0 };
  const listener: Deno.Listener<Deno.Conn, Deno.NetAddr> = tls
    ? Deno.listenTls({ ...address, ...tls })
    : Deno.listen(address);
  const open = new Set<Deno.Conn>();
  const handlers = new Set<Promise<void>>();
  let connections = 0;
  let requests = 0;
  const close = (connection: Deno.Conn) => {
    if (open.delete(connection)) connection.close();
  };

  async function serve(connection: Deno.Conn): Promise<void> {
    let text = "";
    let nth = 0;
    const decoder = new TextDecoder("latin1");
    const buffer = new Uint8Array(65_536);
    try {
      while (true) {
        const head = text.indexOf("\r\n\r\n");
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (head === -1 || text.length < head + 4 + length) {
          const read = await connection.read(buffer);
          if (read === null) break;
          text += decoder.decode(buffer.subarray(0, read), { stream: true });
          continue;
        }
        const isGet = text.startsWith("GET ");
        text = text.slice(head + 4 + length);
        nth++;
        if (isGet) await say(connection, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        else {
          requests++;
          await answer(connection, nth);
        }
      }
    } catch {
      // Closed by the test or by the client.
    } finally {
      try {
        close(connection);
      } catch {
        // The test closed it.
      }
    }
  }
  const accepting = (async () => {
    for await (const connection of listener) {
      connections++;
      open.add(connection);
      const handler = serve(connection);
      handlers.add(handler);
      handler.finally(() => handlers.delete(handler));
    }
  })();
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${listener.addr.port}`,
    connections: () => connections,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of [...open]) {
        try {
          close(connection);
        } catch {
          // The test closed it.
        }
      }
      await Promise.all(handlers);
    },
  };
}
