import type { FieldMap } from "./field_map.ts";

/** Whether an answer is a stream of server-sent events. */
export function isEventStream(headers: FieldMap): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("text/event-stream") ?? false;
}
