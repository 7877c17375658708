import { EventStream } from "../inference/event_stream.ts";
import type { HttpRequest } from "../http/http_request.ts";
import type { HttpResponse } from "../http/http_response.ts";
import { streamManner } from "../faults/stream_manner.ts";
import type { ServerState } from "../server_state.ts";
import { isOpen, type StoredResponse } from "../stored_response.ts";
import { errorDocument, RequestError } from "./errors.ts";

export function responseNotFound(id: unknown): RequestError {
  const message = `Response with id '${id}' not found.`;
  return new RequestError(404, "invalid_request_error", message, "response_id");
}

/** GET /v1/responses/ID, with `stream` and `starting_after`, and POST /v1/responses/ID/cancel */
export function serveStored(
  server: ServerState,
  request: HttpRequest,
  response: HttpResponse,
): void {
  const [id, action] = request.path.slice("/v1/responses/".length).split("/");
  const allowed = action === undefined ? "GET" : "POST";
  if (action !== undefined && action !== "cancel") {
    return response.json(404, { detail: "Not Found" });
  }
  if (request.method !== allowed) {
    return response.json(405, { detail: "Method Not Allowed" }, { allow: allowed });
  }
  const refuse = ({ status, type, message, param }: RequestError) =>
    response.json(status, errorDocument(request.path, status, type, message, param));
  const stored = server.storedResponses.get(id!);
  if (stored === undefined) return refuse(responseNotFound(id));
  if (action === "cancel") {
    if (!isOpen(stored)) {
      const message = "Cannot cancel a synchronous response.";
      return refuse(new RequestError(400, "BadRequestError", message, "response_id"));
    }
    stored.document = { ...stored.document, status: "cancelled" };
    stored.stop?.();
    return response.json(200, stored.document);
  }
  const query = new URLSearchParams(request.query);
  if (!/^(?:true|1|on|yes|t|y)$/i.test(query.get("stream") ?? "")) {
    return response.json(200, stored.document);
  }
  if (!stored.events) {
    const message = `Unknown response_id: ${id} (parameter=response_id, value=${id})`;
    return refuse(new RequestError(400, "BadRequestError", message, "response_id"));
  }
  follow(stored, Number(query.get("starting_after") ?? -1), server, response);
}

/** Streams a background response's events after this sequence number, as they come. */
export function follow(
  stored: StoredResponse,
  startingAfter: number,
  { keepAliveMs }: ServerState,
  response: HttpResponse,
): void {
  const events = new EventStream(response, streamManner(null), keepAliveMs, undefined);
  for (const event of stored.events!.slice(startingAfter + 1)) events.send(event);
  if (!isOpen(stored)) return events.end();
  const read = (event: string | undefined) =>
    event === undefined ? events.end() : events.send(event);
  stored.readers.add(read);
  response.onClientLeft = () => stored.readers.delete(read);
}
