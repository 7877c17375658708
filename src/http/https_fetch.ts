import type { ClientRequest, IncomingMessage } from "node:http";
import { type Agent, request as openRequest } from "node:https";
import type { Fetches, FetchInit } from "./fetch.ts";
import { ConnectError } from "./fetch_error.ts";
import { agentFor, tcpBelow } from "./tls_agent.ts";

/** How servers are trusted, and what they are shown. */
export interface HttpsOptions {
  /** PEM of all that is trusted. */
  readonly ca?: string | undefined;
  /** Trust any certificate. */
  readonly tlsSkipVerify?: boolean | undefined;
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined;
  /** How long an idle connection is kept. */
  readonly idleMs: number;
  readonly idlePerServer: number;
}

/** `Response` takes no body with these. */
const NO_BODY = [204, 205, 304];

/**
 * Requests over `node:https`, which trusts certificates that `fetch` refuses. They behave as
 * `fetch` does: an aborted request throws its signal's reason, and the runtime sends a request again
 * when the connection it reused turns out to be closed.
 */
export function openHttps(options: HttpsOptions): Fetches {
  const { ca, tlsSkipVerify = false, clientCertificate, idleMs, idlePerServer } = options;
  const trust = {
    // Without a list the runtime would need permission to read the system's.
    ca: ca ?? [],
    rejectUnauthorized: !tlsSkipVerify,
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
    // Set later, a header that Node refuses would leave the request behind.
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
      reject(new Error("101 is no status of an answer"));
      socket.destroy();
    });
    request.on("error", (error) => {
      if (response) return; // Its body tells.
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
      // It would cut off the requests in flight as well.
      if (inFlight === 0) pooled.destroy();
    },
  };
}

function byName(headers: FetchInit["headers"]): Record<string, string[]> {
  // A client may name one as something that every object has.
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

/** Reads from the connection only while somebody waits for it, and a buffer ahead. */
function bodyOf(request: ClientRequest, message: IncomingMessage): ReadableStream<Uint8Array> {
  const tcp = tcpBelow(message.socket);
  let isOpen = true;
  let isAwaited = false;
  function take(controller: ReadableByteStreamController): void {
    const chunk: Uint8Array | null = message.read();
    if (!chunk || !isOpen) return;
    isAwaited = false;
    // The stream takes the buffer over, and this one may be shared.
    controller.enqueue(new Uint8Array(chunk));
  }
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      message.on("readable", () => {
        if (isAwaited) take(controller);
        else tcp?.pause();
      });
      message.on("end", () => {
        // The connection goes on to the next request.
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
      isAwaited = true;
      if (tcp?.isPaused()) tcp.resume();
      take(controller);
    },
    cancel() {
      isOpen = false;
      request.destroy();
    },
  });
}
