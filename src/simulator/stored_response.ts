import type { Json } from "./api/body.ts";

/** A response that can be read again. */
export interface StoredResponse {
  document: Json;
  /** The conversation up to its answer, as chat messages. */
  messages: readonly Json[];
  /** Its events, if it is streamed in the background. */
  readonly events: string[] | undefined;
  /** Called with each further event, and with undefined at the end. */
  readonly readers: Set<(event: string | undefined) => void>;
  /** Ends the generation of a background response. */
  stop?: () => void;
}

/** Maximum number of stored answers; the oldest is evicted first. */
const MAX_STORED = 1000;

export type ResponseStore = Map<string, StoredResponse>;

/** Stores a response under its id. */
export function keep(store: ResponseStore, id: string, stored: StoredResponse): void {
  store.set(id, stored);
  if (store.size > MAX_STORED) store.delete(store.keys().next().value!);
}

/** Whether its answer is still to come. */
export function isOpen({ document }: StoredResponse): boolean {
  return document.status === "queued" || document.status === "in_progress";
}

/** Tells the readers that no event follows. */
export function endStored({ readers }: StoredResponse): void {
  for (const read of [...readers]) read(undefined);
  readers.clear();
}
