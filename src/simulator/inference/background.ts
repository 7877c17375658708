import { follow } from "../api/response_store.ts";
import type { ServerState } from "../server_state.ts";
import { endStored, isOpen, type StoredResponse } from "../stored_response.ts";
import type { Exchange } from "./exchange.ts";
import type { Inference } from "./wording.ts";

/**
 * Lets an answer go on without its client, to whom it sends the response as it stands, or its
 * events as they come.
 */
export function goToBackground(
  server: ServerState,
  exchange: Exchange,
  { stream, wording }: Inference,
  stored: StoredResponse,
): void {
  const client = exchange.detach();
  const send = (event: string) => {
    stored.events?.push(event);
    for (const read of stored.readers) read(event);
  };
  const end = () => endStored(stored);
  exchange.stream = { events: { send, end }, failure: () => undefined };
  stored.stop = () => {
    exchange.settle("aborted");
    end();
  };
  // It ends only by a fault: what it answers goes to the events.
  exchange.response.done.then(() => {
    if (isOpen(stored)) stored.document = { ...stored.document, status: "failed" };
    end();
  });
  wording.accept?.(send);
  if (stream) follow(stored, -1, server, client);
  else client.json(200, stored.document);
}
