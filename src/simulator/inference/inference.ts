import { goToBackground } from "./background.ts";
import { strikeEarly } from "../faults/early_faults.ts";
import { RequestError } from "../api/errors.ts";
import { EventStream } from "./event_stream.ts";
import { Exchange } from "./exchange.ts";
import type { RequestFault } from "../faults/fault.ts";
import { generate } from "./generation.ts";
import type { HttpRequest } from "../http/http_request.ts";
import type { HttpResponse } from "../http/http_response.ts";
import type { ServerState } from "../server_state.ts";
import { streamManner } from "../faults/stream_manner.ts";
import { type Inference, type InferenceEndpoint, openAiFailure } from "./wording.ts";

/** Larger than any stream, in bytes. */
const WRONG_LENGTH = 1e9;

/** Serves one inference request through the engine, with the current fault applied. */
export function serveInference(
  server: ServerState,
  endpoint: InferenceEndpoint,
  request: HttpRequest,
  response: HttpResponse,
): void {
  const exchange = new Exchange(server, request, response);
  const trouble = server.faults.current?.kind;
  if (trouble === "sleeping") return exchange.fail(500, "The engine is sleeping.");
  // The request body was still arriving when the port closed.
  if (trouble === "terminated") return exchange.drop();
  const fault = server.faults.strike(request.reused);
  if (fault !== null && strikeEarly(exchange, fault)) return;
  if (isPoison(server, request)) {
    if (server.poison!.answer === "reset") return exchange.drop();
    return exchange.fail(500, "The prompt can't be computed.");
  }
  let inference: Inference;
  try {
    inference = endpoint(request, server);
    if (trouble === "draining") throw cannotSchedule();
    if (fault?.kind === "document_as_events") inference = { ...inference, stream: false };
    if (fault?.kind !== "hang_before_head") {
      const { background } = inference;
      if (background) goToBackground(server, exchange, inference, background);
      else if (inference.stream) startStream(server, exchange, inference, fault);
    }
    if (fault?.kind === "queue_full" || server.engine.waiting >= server.maxQueued) {
      throw queueIsFull();
    }
  } catch (error) {
    return exchange.refuse(error);
  }
  if (inference.stream && fault?.kind === "truncated") return exchange.drop();
  if (fault?.kind === "error_event") return exchange.fail(fault.status ?? 500, "Simulated error.");
  generate(server, exchange, inference, fault);
}

/** Sends the head and any events the endpoint sends before the engine has the request. */
function startStream(
  { keepAliveMs }: ServerState,
  exchange: Exchange,
  { wording }: Inference,
  fault: RequestFault | null,
): void {
  const length = fault?.kind === "wrong_length" ? WRONG_LENGTH : undefined;
  const events = new EventStream(exchange.response, streamManner(fault), keepAliveMs, length);
  exchange.stream = { events, failure: wording.failure ?? openAiFailure };
  wording.accept?.((event) => events.send(event));
}

function isPoison({ poison }: ServerState, { body }: HttpRequest): boolean {
  return poison !== undefined && new TextDecoder().decode(body).includes(poison.marker);
}

function cannotSchedule(): RequestError {
  const message = "cannot schedule new futures after shutdown";
  return new RequestError(500, "InternalServerError", message);
}

function queueIsFull(): RequestError {
  return new RequestError(503, "ServiceUnavailableError", "The request queue is full.");
}
