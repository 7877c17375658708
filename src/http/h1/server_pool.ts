import { startTimer, stopTimer, type Timer } from "../../util/timers.ts";
import { ConnectError } from "../fetch_error.ts";
import { Input, type Socket } from "./input.ts";
import { tcpSocket } from "./tcp_socket.ts";

/** A connection to a server. */
export interface ServerConnection {
  readonly socket: Socket;
  readonly input: Input;
  /** An answer has come over it before. */
  isReused: boolean;
}

/** A connection that is being opened. */
export interface Connecting {
  readonly connection: Promise<ServerConnection>;
  /** Waits for it a moment longer, and no more. One that comes then is the caller's to close. */
  giveUp(): void;
}

/**
 * Not at once: Deno 2.9.6 leaves a connection open that comes in the turn of its abort. One that
 * comes at all has come by then, on a busy machine as well.
 */
const GIVE_UP_MS = 500;

/** The connections to one address that wait for their next request. */
export interface ServerPool {
  /** Takes the connection that was used last, if any is idle. */
  take(): ServerConnection | undefined;
  /** Opens another one. Rejects with a {@linkcode ConnectError}. */
  connect(): Connecting;
  /** Keeps a connection for the next request. Nothing of its last answer may be unread. */
  give(connection: ServerConnection): void;
  /** Closes those that are idle, and from now on those that are given back. */
  close(): void;
}

/** How long and how many connections may be idle. */
export interface IdleLimits {
  readonly idleMs: number;
  readonly most: number;
}

/** Creates the pool of an address. */
export function createServerPool(
  address: Deno.ConnectOptions,
  { idleMs, most }: IdleLimits,
): ServerPool {
  /** In the order of their use, each with the timer that closes it. */
  const idle = new Map<ServerConnection, Timer>();
  let isClosed = false;

  function drop(connection: ServerConnection): void {
    const timer = idle.get(connection);
    // In use: what was read belongs to an answer.
    if (!timer) return;
    stopTimer(timer);
    idle.delete(connection);
    connection.socket.close();
  }

  return {
    take() {
      let last: ServerConnection | undefined;
      for (const connection of idle.keys()) last = connection;
      if (!last) return undefined;
      stopTimer(idle.get(last));
      idle.delete(last);
      return last;
    },
    connect() {
      const abort = new AbortController();
      let givingUp: ReturnType<typeof setTimeout> | undefined;
      let isSettled = false;
      const open = async (): Promise<ServerConnection> => {
        try {
          const socket = tcpSocket(await Deno.connect({ ...address, signal: abort.signal }));
          return { socket, input: new Input(socket), isReused: false };
        } catch (cause) {
          throw new ConnectError("No connection to the server", { cause });
        } finally {
          isSettled = true;
          clearTimeout(givingUp);
        }
      };
      return {
        connection: open(),
        giveUp() {
          if (!isSettled) givingUp = setTimeout(() => abort.abort(), GIVE_UP_MS);
        },
      };
    },
    give(connection) {
      if (isClosed || idle.size >= most) return connection.socket.close();
      connection.isReused = true;
      connection.input.shrink();
      idle.set(connection, startTimer(() => drop(connection), idleMs));
      // A server that closes an idle connection is noticed at once, and one that sends what nobody
      // asked for is not believed.
      const dropped = () => drop(connection);
      connection.input.fill().then(dropped, dropped);
    },
    close() {
      isClosed = true;
      for (const connection of [...idle.keys()]) drop(connection);
    },
  };
}
