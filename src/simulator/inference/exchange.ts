import { errorDocument, errorType, RequestError } from "../api/errors.ts";
import type { HttpRequest } from "../http/http_request.ts";
import { HttpResponse, type ResponseHeaders } from "../http/http_response.ts";
import type { Sequence } from "../engine/sequence.ts";
import type { OpenRequest, ServerState } from "../server_state.ts";
import type { Ending } from "../simulator_options.ts";
import type { StreamFailure } from "./wording.ts";

/** Takes what nobody reads. */
const NOWHERE = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length) };

/** Takes the events of an answer. */
export interface EventSink {
  send(events: string): void;
  end(): void;
}

/** One inference request under way. It is counted once and leaves the engine when it ends. */
export class Exchange implements OpenRequest {
  /** The request's sequences in the engine. */
  readonly sequences: Sequence[] = [];
  response: HttpResponse;
  /** The stream, once its head is sent, and the events that end it with an error. */
  stream: { readonly events: EventSink; readonly failure: StreamFailure } | undefined;
  readonly #server: ServerState;
  readonly #request: HttpRequest;
  #settled = false;

  constructor(server: ServerState, request: HttpRequest, response: HttpResponse) {
    this.#server = server;
    this.#request = request;
    this.response = response;
    server.counts.received++;
    server.open.add(this);
    response.onClientLeft = () => this.settle("aborted");
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Lets the request go on without its client. Returns the client's response. */
  detach(): HttpResponse {
    const { response } = this;
    response.onClientLeft = () => {};
    this.response = new HttpResponse(NOWHERE, "POST", false);
    return response;
  }

  /** Ends the request in the engine and counts it. Only the first call has an effect. */
  settle(how: Ending): void {
    if (this.#settled) return;
    this.#settled = true;
    const { engine, counts, open, onEnded, onIdle } = this.#server;
    open.delete(this);
    if (how !== "refused") counts[how]++;
    for (const sequence of this.sequences) engine.abort(sequence);
    onEnded?.(this.#request.headers.get("x-request-id"), how);
    if (open.size === 0) onIdle?.();
  }

  /** Answers a refused request with its error; any other error becomes a 500. */
  refuse(error: unknown): void {
    if (!(error instanceof RequestError)) return this.fail(500, String(error));
    this.settle("refused");
    this.#sendError(error);
  }

  /** Answers with the error of a fault. */
  fail(status: number, message: string, retryAfterSeconds?: number): void {
    this.settle("failed");
    this.#sendError(
      new RequestError(status, errorType(status), message),
      retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
    );
  }

  /** Answers with bytes that are not HTTP. */
  garble(): void {
    this.settle("failed");
    this.response.garble();
  }

  /** Closes the connection after the bytes written so far. */
  drop(): void {
    this.settle("failed");
    this.response.drop();
  }

  /** Builds the error body in the format of the endpoint. */
  errorDocument({ status, type, message, param }: RequestError): unknown {
    return errorDocument(this.#request.path, status, type, message, param);
  }

  #sendError(error: RequestError, headers: ResponseHeaders = {}): void {
    if (!this.stream) {
      return this.response.json(error.status, this.errorDocument(error), headers);
    }
    const { events, failure } = this.stream;
    const last = failure(error);
    if (last === undefined) return this.response.drop();
    events.send(last);
    events.end();
  }
}
