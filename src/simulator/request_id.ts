import type { HttpRequest } from "./http_request.ts";
import type { ServerState } from "./server_state.ts";

/** The id the client gave its request, or a fresh one. */
export function requestId(request: HttpRequest, server: ServerState): string {
  return request.headers.get("x-request-id") ?? server.createId();
}
