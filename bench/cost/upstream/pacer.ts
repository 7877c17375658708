import { writeAll } from "../../support/connection.ts";
import { eventChunk } from "./event.ts";

/** Sends events to a connection from now on. Returns how to end that. */
export type Subscribe = (connection: Deno.Conn, tellsIds: boolean) => () => void;

interface Stream {
  readonly connection: Deno.Conn;
  readonly tellsIds: boolean;
  isWriting: boolean;
  /** Events that came due during a write. */
  owed: number;
}

const TICK_MS = 1;
const encoder = new TextEncoder();

/**
 * Sends each stream an event every `everyMs` milliseconds. The streams are spread evenly over that
 * time, as those of many servers are. Events that come late are sent together.
 */
export function startPacer(everyMs: number): Subscribe {
  const slots = Array.from({ length: everyMs }, () => new Set<Stream>());
  const startedAt = performance.now();
  let ticks = 0;
  let subscribed = 0;
  setInterval(() => {
    const due = Math.floor((performance.now() - startedAt) / TICK_MS);
    const now = performance.timeOrigin + performance.now();
    const chunk = encoder.encode(eventChunk(now));
    const withIds = encoder.encode(eventChunk(now, "[5832]"));
    for (; ticks < due; ticks++) {
      for (const stream of slots[ticks % everyMs]!) send(stream, stream.tellsIds ? withIds : chunk);
    }
  }, TICK_MS);
  return (connection, tellsIds) => {
    const slot = slots[subscribed++ % everyMs]!;
    const stream = { connection, tellsIds, isWriting: false, owed: 0 };
    slot.add(stream);
    return () => slot.delete(stream);
  };
}

function send(stream: Stream, chunk: Uint8Array): void {
  if (stream.isWriting) stream.owed++;
  else write(stream, chunk);
}

async function write(stream: Stream, chunk: Uint8Array): Promise<void> {
  stream.isWriting = true;
  try {
    await writeAll(stream.connection, chunk);
    for (; stream.owed > 0; stream.owed--) await writeAll(stream.connection, chunk);
  } catch {
    // The client has left, which the connection's reader notices too.
  } finally {
    stream.isWriting = false;
  }
}
