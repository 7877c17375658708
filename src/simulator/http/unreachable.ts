/** A port on which connecting hangs until it is closed. */
export interface UnreachablePort {
  close(): Promise<void>;
}

/** The kernel completes this many unaccepted connections plus one. */
const BACKLOG = 1;
/** Far longer than connecting on loopback takes. */
const FILL_MS = 100;

/**
 * Listens so that connecting to the port hangs as if packets were dropped: the accept queue is
 * full, and Linux drops further connection attempts. A client that still waits when the port is
 * closed is refused, or accepted by the next listener on that port.
 */
export async function hangConnects(hostname: string, port: number): Promise<UnreachablePort> {
  const listener = Deno.listen({ hostname, port, transport: "tcp", tcpBacklog: BACKLOG });
  const closing = new AbortController();
  const filling = Promise.allSettled(
    Array.from(
      { length: BACKLOG + 1 },
      () => Deno.connect({ hostname, port, signal: closing.signal }),
    ),
  );
  // If a foreign client was faster, one of these hangs instead.
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, FILL_MS);
  await Promise.race([filling, late.promise]);
  clearTimeout(timer);
  return {
    async close() {
      closing.abort();
      listener.close();
      for (const filled of await filling) {
        if (filled.status === "fulfilled") filled.value.close();
      }
    },
  };
}
