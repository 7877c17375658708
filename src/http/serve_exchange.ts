import { BrokenAnswer } from "./broken_answer.ts";
import { ClientDeparture } from "./departure.ts";
import type { Exchange, Handle } from "./exchange.ts";
import { targetOf } from "./paths.ts";
import { webBody } from "./web_body.ts";
import { RuntimeWebSocket } from "./ws/runtime_web_socket.ts";

/**
 * Runs an exchange over `Deno.serve`, which expects a `Response` for each request.
 *
 * @param sent settles when the answer has been sent or the connection has closed
 * @param onError called with an error that `handle` throws after the head was sent
 * @returns the response once its head is known. Rejects if `handle` throws before that.
 */
export function serveExchange(
  request: Request,
  sent: Promise<unknown>,
  handle: Handle,
  onError: (error: unknown) => void,
): Promise<Response> {
  const { promise: responded, resolve, reject } = Promise.withResolvers<Response>();
  const departure = new ClientDeparture();
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  let isOver = false;
  let hasResponded = false;
  let unsent = 0;
  let ready: PromiseWithResolvers<void> | undefined;

  function succeed(response: Response): void {
    hasResponded = true;
    resolve(response);
  }
  function whenReady(): Promise<void> {
    if (isOver) return Promise.resolve();
    ready ??= Promise.withResolvers();
    return ready.promise;
  }
  function wake(): void {
    unsent = 0;
    ready?.resolve();
    ready = undefined;
  }
  function leave(): void {
    isOver = true;
    wake();
    departure.leave();
  }
  request.signal.addEventListener("abort", leave);
  if (request.signal.aborted) leave();

  const exchange: Exchange = {
    method: request.method,
    target: targetOf(request.url),
    headers: request.headers,
    body: webBody(request),
    departure,
    sent,
    get unsent() {
      return unsent;
    },
    respond(status, head, body) {
      isOver = true;
      succeed(new Response(body, { status, headers: head as [string, string][] }));
    },
    begin(status, head) {
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (started) => void (controller = started),
        pull: wake,
        cancel: leave,
      }, { highWaterMark: 0 });
      succeed(new Response(body, { status, headers: head as [string, string][] }));
      return whenReady();
    },
    // The runtime sends it with the response.
    flush() {},
    write(bytes) {
      if (isOver) return Promise.resolve();
      unsent++;
      const taken = whenReady();
      // The runtime reports a disconnected client here.
      controller!.enqueue(bytes.slice());
      return taken;
    },
    accept({ protocol }, head, maxMessageBytes) {
      const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
      for (const [name, value] of head) response.headers.append(name, value);
      succeed(response);
      return new RuntimeWebSocket(socket, maxMessageBytes);
    },
    end() {
      if (isOver) return;
      isOver = true;
      wake();
      controller!.close();
    },
    abort() {
      if (isOver) return;
      isOver = true;
      wake();
      controller!.error(new BrokenAnswer());
    },
  };
  handle(exchange).catch((error) => {
    if (!hasResponded) return reject(error);
    onError(error);
    exchange.abort();
  });
  return responded;
}
