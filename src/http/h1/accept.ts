import { pause } from "../../util/interval.ts";

/** A source of connections. */
export interface Acceptor<Conn> {
  /** Rejects with `BadResource` once it is closed, and for a moment if open files run out. */
  accept(): Promise<Conn>;
  close(): void;
}

/** What an accept loop is run for. */
export interface AcceptOptions<Conn> {
  readonly serve: (conn: Conn) => void;
  /** Settles when one more connection fits. */
  readonly room: () => Promise<void> | undefined;
  /** Called when accepting failed, to make room. */
  readonly onFailed: (error: unknown) => void;
}

/** How long to wait before accepting again after an error. */
const AGAIN_MS = 100;

/** Accepts connections until the acceptor is closed. An error, such as running out of open files, only delays it. */
export async function acceptAll<Conn>(
  acceptor: Acceptor<Conn>,
  { serve, room, onFailed }: AcceptOptions<Conn>,
): Promise<void> {
  const never = new AbortController().signal;
  // Deno 2.9.6 panics if it formats its first stack while no more files can be opened.
  void new Error().stack;
  for (;;) {
    await room();
    try {
      serve(await acceptor.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      if (hasLeft(error)) continue;
      onFailed(error);
      await pause(AGAIN_MS, never);
    }
  }
}

/** Whether a client has left before its connection was accepted, as probes of the port may. */
const hasLeft = (error: unknown) =>
  error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionAborted;
