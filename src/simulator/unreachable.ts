/** A port whose connections hang, until it is closed. */
export interface UnreachablePort {
  close(): Promise<void>;
}

/** The kernel completes so many connections that nobody accepts, and one more. */
const BACKLOG = 1;
/** On loopback a connection takes far less. */
const FILL_MS = 100;

/**
 * Listens so that a connection to the port hangs as it does where packets are dropped: the queue of
 * connections that nobody accepts is full, and Linux drops whatever else wants to connect. A client
 * that still waits when the port is closed is refused, or accepted by whoever listens there next.
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
  // Where a client of somebody else's was faster, one of these hangs instead.
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
