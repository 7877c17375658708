import type { ClientRequest, IncomingMessage } from "node:http";
import { type Agent, request as openRequest } from "node:https";
import type { Fetches, FetchInit } from "./fetch.ts";
import { ConnectError } from "./fetch_error.ts";
import { agentFor, tcpBelow } from "./tls_agent.ts";

/** TLS and connection settings. */
export interface HttpsOptions {
  /** PEM of all trusted certificates. */
  readonly ca?: string | string[] | undefined;
  /** The name that certificates must be for. @default the URL's host */
  readonly tlsServerName?: string | undefined;
  /** Trust any certificate. */
  readonly tlsSkipVerify?: boolean | undefined;
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined;
  /** How long an idle connection is kept. */
  readonly idleMs: number;
  readonly idlePerServer: number;
}

/** Statuses for which `Response` accepts no body. */
const NO_BODY = [204, 205, 304];

/**
 * Fetches over `node:https`, which can trust certificates that `fetch` rejects. Otherwise behaves
 * like `fetch`: an aborted request throws its signal's reason, and the runtime resends a request if
 * the reused connection turns out to be closed.
 */
export function openHttps(options: HttpsOptions): Fetches {
  const { ca, tlsSkipVerify = false, tlsServerName, clientCertificate } = options;
  const { idleMs, idlePerServer } = options;
  const trust = {
    // Without a list, the runtime would need permission to read the system's CAs.
    ca: ca ?? [],
    rejectUnauthorized: !tlsSkipVerify,
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
    ...clientCertificate,
  };
  const pooled = agentFor({
    ...trust,
    keepAlive: true,
    timeout: idleMs,
    maxFreeSockets: idlePerServer,
  });
  const fresh = agentFor(trust);
  let inFlight = 0;
  let closed = false;

  async function send(url: string, init: FetchInit, agent: Agent): Promise<Response> {
    if (closed) throw new Deno.errors.BadResource("The connections are closed");
    const { method = "GET", headers, body, signal } = init;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    // Headers are passed here because setting an invalid one later would leak the request.
    const request = openRequest(url, { agent, method, headers: byName(headers) });
    let isConnected = false;
    let response: IncomingMessage | undefined;
    const abort = () => {
      response?.destroy(signal?.reason);
      request.destroy(signal?.reason);
    };
    inFlight++;
    signal?.addEventListener("abort", abort);
    request.on("socket", (socket) => {
      isConnected = request.reusedSocket;
      if (!isConnected) socket.once("secureConnect", () => void (isConnected = true));
    });
    request.on("response", (message) => {
      response = message;
      try {
        resolve(responseOf(request, message));
      } catch (error) {
        reject(error);
        request.destroy();
      }
    });
    request.on("upgrade", (_, socket) => {
      reject(new Error("101 is not a valid response status"));
      socket.destroy();
    });
    request.on("error", (error) => {
      if (response) return; // The body reports the error.
      reject(
        isConnected || signal?.aborted ? error : new ConnectError(error.message, { cause: error }),
      );
    });
    request.on("close", () => {
      signal?.removeEventListener("abort", abort);
      inFlight--;
      if (closed && inFlight === 0) pooled.destroy();
    });
    request.end(body);
    return await promise;
  }

  return {
    fetch: (url, init) => send(url, init, pooled),
    fetchFresh: (url, init) => send(url, init, fresh),
    close() {
      closed = true;
      // Destroying the agent would also abort requests in flight.
      if (inFlight === 0) pooled.destroy();
    },
  };
}

function byName(headers: FetchInit["headers"]): Record<string, string[]> {
  // Without a prototype: a client may send a header such as `constructor`.
  const named: Record<string, string[]> = Object.create(null);
  for (const [name, value] of headers) (named[name] ??= []).push(value);
  return named;
}

function responseOf(request: ClientRequest, message: IncomingMessage): Response {
  const headers: [string, string][] = [];
  const { rawHeaders, statusCode: status = 0 } = message;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  }
  const body = NO_BODY.includes(status) ? null : bodyOf(request, message);
  if (!body) message.resume();
  return new Response(body, { status, headers });
}

/** Reads from the connection only on demand, and at most one buffer ahead. */
function bodyOf(request: ClientRequest, message: IncomingMessage): ReadableStream<Uint8Array> {
  const tcp = tcpBelow(message.socket);
  let isOpen = true;
  let isPulling = false;
  function take(controller: ReadableByteStreamController): void {
    const chunk: Uint8Array | null = message.read();
    if (!chunk || !isOpen) return;
    isPulling = false;
    // Copied because the stream takes ownership of the buffer, and this one may be shared.
    controller.enqueue(new Uint8Array(chunk));
  }
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      message.on("readable", () => {
        if (isPulling) take(controller);
        else tcp?.pause();
      });
      message.on("end", () => {
        // The next request reuses the connection.
        tcp?.resume();
        if (!isOpen) return;
        isOpen = false;
        controller.close();
        controller.byobRequest?.respond(0);
      });
      message.on("error", (error) => {
        isOpen = false;
        controller.error(error);
      });
    },
    pull(controller) {
      isPulling = true;
      if (tcp?.isPaused()) tcp.resume();
      take(controller);
    },
    cancel() {
      isOpen = false;
      request.destroy();
    },
  });
}
