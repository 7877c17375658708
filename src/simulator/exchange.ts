import { errorDocument, errorType, RequestError } from "./errors.ts";
import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";
import type { Sequence } from "./sequence.ts";
import type { ServerState } from "./server_state.ts";
import type { Ending } from "./simulator_options.ts";

/** One inference request under way: counted once, and freed in the engine when it ends. */
export class Exchange {
  /** What the request holds in the engine. */
  readonly sequences: Sequence[] = [];
  readonly #server: ServerState;
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  #settled = false;

  constructor(server: ServerState, request: HttpRequest, response: HttpResponse) {
    this.#server = server;
    this.#request = request;
    this.#response = response;
    server.counts.received++;
    server.counts.open++;
    response.onClientLeft = () => this.settle("aborted");
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Ends the request for the engine and the counters; what came first stays. */
  settle(how: Ending): void {
    if (this.#settled) return;
    this.#settled = true;
    const { engine, counts, onEnded } = this.#server;
    counts.open--;
    if (how !== "refused") counts[how]++;
    for (const sequence of this.sequences) engine.abort(sequence);
    onEnded?.(this.#request.headers.get("x-request-id"), how);
  }

  /** Answers a request that is not to be served, or that the simulator can't make out. */
  refuse(error: unknown): void {
    if (!(error instanceof RequestError)) return this.fail(500, String(error));
    this.settle("refused");
    const { status, type, message, param } = error;
    this.#response.json(status, errorDocument(this.#request.path, status, type, message, param));
  }

  /** Answers with an error that a fault asks for. */
  fail(status: number, message: string, retryAfterSeconds?: number): void {
    this.settle("failed");
    this.#response.json(
      status,
      errorDocument(this.#request.path, status, errorType(status), message),
      retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
    );
  }

  /** Ends a stream as vLLM does when its engine fails: the status has gone out already. */
  failStream(code: number): void {
    this.settle("failed");
    const document = errorDocument("", code, errorType(code), "Simulated error.");
    this.#response.chunk(`data: ${JSON.stringify(document)}\n\n`);
    this.#response.chunk("data: [DONE]\n\n");
    this.#response.endStream();
  }

  /** Answers with what is no HTTP. */
  garble(): void {
    this.settle("failed");
    this.#response.garble();
  }

  /** Breaks the connection off after what has been written. */
  drop(): void {
    this.settle("failed");
    this.#response.drop();
  }
}
