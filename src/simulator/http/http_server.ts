import { type HttpRequest, MalformedRequest } from "./http_request.ts";
import { HttpResponse } from "./http_response.ts";
import { RequestReader } from "./request_reader.ts";
import { hangConnects, type UnreachablePort } from "./unreachable.ts";

/** Idle timeout of a connection after an answer, as in vLLM. */
export const KEEP_ALIVE_MS = 5000;
/** Maximum bytes read ahead from a client while its request is served. */
const MAX_READ_AHEAD = 64 * 1024;

/** Answers a request through the response, now or later. Must not throw. */
export type Handler = (request: HttpRequest, response: HttpResponse) => void;

/** A listening server. */
export interface HttpServer extends AsyncDisposable {
  readonly port: number;
  readonly openConnections: number;
  /**
   * Closes idle connections; requests under way continue. New connections are refused once the
   * promise resolves, because the listening socket lives until its pending accept has ended.
   */
  refuse(): Promise<void>;
  /** Like `refuse`, but new connections hang: they are neither accepted nor refused. */
  hang(): Promise<void>;
  /** Accepts connections again on the same port, unless the server is closed. */
  accept(): Promise<void>;
  /** Resolves when no connection is left. Connections end by themselves after `refuse`. */
  ended(): Promise<void>;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
}

interface Connection {
  readonly tcp: Deno.TcpConn;
  /** The answer under way; null while the connection is idle. */
  response: HttpResponse | null;
  readonly ended: Promise<void>;
}

/**
 * Serves HTTP/1.1 on raw TCP, so that an answer can hang, break off or never start. Detects a
 * client that leaves at any moment.
 */
export function serveHttp(hostname: string, port: number, handle: Handler): HttpServer {
  const connections = new Set<Connection>();
  let listener = Deno.listen({ hostname, port, transport: "tcp" });
  const boundPort = listener.addr.port;
  let listening = true;
  let closed = false;
  let unreachable: UnreachablePort | undefined;

  async function acceptFrom(source: Deno.TcpListener): Promise<void> {
    while (true) {
      let tcp: Deno.TcpConn;
      try {
        tcp = await source.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
          return;
        }
        continue; // the client left before it was accepted
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const connection: Connection = { tcp, response: null, ended: promise };
      connections.add(connection);
      serve(connection).finally(() => {
        closeQuietly(tcp);
        connections.delete(connection);
        resolve();
      });
    }
  }

  async function serve(connection: Connection): Promise<void> {
    const { tcp } = connection;
    tcp.setNoDelay(true);
    const reader = new RequestReader(tcp);
    try {
      for (let reused = false; listening; reused = true) {
        const head = await reader.readHead();
        if (head.expectsContinue) {
          await tcp.write(new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n"));
        }
        const { method, path, query, headers } = head;
        const response = new HttpResponse(tcp, method, head.keepAlive);
        connection.response = response;
        const body = await reader.readBody(head.bodyLength);
        handle({ method, path, query, headers, body, reused }, response);
        watch(reader, response);
        await response.done;
        connection.response = null;
        if (response.mustClose) return;
        if (listening && reader.bufferedBytes === 0) {
          await waitForRequest(tcp, reader);
        }
      }
    } catch (error) {
      if (error instanceof MalformedRequest) await answerMalformed(tcp, error);
      // otherwise the client has left
    }
  }

  let accepting = acceptFrom(listener);

  return {
    port: boundPort,
    get openConnections() {
      return connections.size;
    },
    async refuse() {
      const hanging = unreachable;
      unreachable = undefined;
      await hanging?.close();
      if (!listening) return await accepting;
      listening = false;
      listener.close();
      for (const { tcp, response } of connections) {
        if (response === null) closeQuietly(tcp);
        else response.onPortClosed();
      }
      await accepting;
    },
    async hang() {
      await this.refuse();
      unreachable = await hangConnects(hostname, boundPort);
    },
    async accept() {
      if (listening || closed) return;
      await this.refuse();
      listener = Deno.listen({ hostname, port: boundPort, transport: "tcp" });
      listening = true;
      accepting = acceptFrom(listener);
    },
    async ended() {
      await Promise.all([...connections].map(({ ended }) => ended));
    },
    async close() {
      closed = true;
      await this.refuse();
      for (const { tcp, response } of connections) {
        response?.connectionLost();
        closeQuietly(tcp);
      }
      await this.ended();
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
}

/** Detects the end of the connection while an answer is under way, and takes what is sent then. */
async function watch(reader: RequestReader, response: HttpResponse): Promise<void> {
  while (!response.isOver && reader.bufferedBytes <= MAX_READ_AHEAD) {
    response.onBytes?.(reader.takeBuffered());
    if (await reader.fill()) continue;
    response.connectionLost();
    return;
  }
}

async function waitForRequest(tcp: Deno.TcpConn, reader: RequestReader): Promise<void> {
  const timer = setTimeout(() => closeQuietly(tcp), KEEP_ALIVE_MS);
  try {
    await reader.fill();
  } finally {
    clearTimeout(timer);
  }
}

async function answerMalformed(tcp: Deno.TcpConn, error: MalformedRequest): Promise<void> {
  const response = new HttpResponse(tcp, "GET", false);
  response.send(error.status, "Invalid HTTP request received.", {
    "content-type": "text/plain",
  });
  await response.done;
}

function closeQuietly(tcp: Deno.TcpConn): void {
  try {
    tcp.close();
  } catch { /* closed already */ }
}
