/** What is wrong with a path. */
export type Disturbance =
  /** Nothing arrives, in these directions, until it ends. What was sent meanwhile arrives then. */
  | { readonly kind: "stops"; readonly directions: readonly Direction[] }
  /** Everything arrives late. */
  | { readonly kind: "delays"; readonly ms: number }
  /** Each connection breaks once this many bytes have gone there. */
  | { readonly kind: "cuts"; readonly afterBytes: number };

/** `there` is from the one who connects. */
export type Direction = "there" | "back";

/** A TCP path to a port of this machine. */
export interface Path extends AsyncDisposable {
  readonly url: string;
  /** Disturbs it; `undefined` lets everything pass again. */
  disturb(how: Disturbance | undefined): void;
}

interface Pipe {
  readonly from: Deno.TcpConn;
  readonly into: Deno.TcpConn;
  readonly direction: Direction;
}

/** Opens a path that passes connections on to a port. */
export function openPath(port: number): Path {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const passing: Promise<void>[] = [];
  let disturbance: Disturbance | undefined;
  let changed = Promise.withResolvers<void>();

  function close(...ends: readonly Deno.TcpConn[]): void {
    for (const end of ends) if (open.delete(end)) end.close();
  }

  /** Resolves when what was read may go on. An end of the connection is held back as well. */
  async function passes(direction: Direction): Promise<void> {
    while (disturbance?.kind === "stops" && disturbance.directions.includes(direction)) {
      await changed.promise;
    }
    if (disturbance?.kind !== "delays") return;
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(over.resolve, disturbance.ms);
    await Promise.race([over.promise, changed.promise]);
    clearTimeout(timer);
  }

  /** Returns the number of bytes after which a connection breaks. */
  function limitOf(direction: Direction): number {
    return disturbance?.kind === "cuts" && direction === "there"
      ? disturbance.afterBytes
      : Infinity;
  }

  async function pass({ from, into, direction }: Pipe): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    let passed = 0;
    try {
      while (true) {
        const count = await from.read(buffer);
        await passes(direction);
        if (count === null) break;
        const end = Math.min(count, limitOf(direction) - passed);
        for (let at = 0; at < end;) at += await into.write(buffer.subarray(at, end));
        if (end < count) break;
        passed += count;
      }
    } catch {
      // One side has gone: so does the other.
    }
    close(from, into);
  }

  async function accept(): Promise<void> {
    for await (const client of listener) {
      open.add(client);
      try {
        const server = await Deno.connect({ hostname: "127.0.0.1", port });
        open.add(server);
        passing.push(
          pass({ from: client, into: server, direction: "there" }),
          pass({ from: server, into: client, direction: "back" }),
        );
      } catch {
        close(client);
      }
    }
  }
  const accepting = accept();

  function disturb(how: Disturbance | undefined): void {
    disturbance = how;
    changed.resolve();
    changed = Promise.withResolvers();
  }

  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    disturb,
    async [Symbol.asyncDispose]() {
      listener.close();
      disturb(undefined);
      close(...open);
      await accepting;
      await Promise.all(passing);
    },
  };
}
