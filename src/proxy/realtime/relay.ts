import {
  type Close,
  type Piece,
  type RelayedSocket,
  textMessage,
} from "../../http/ws/web_socket.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import { realtimeError } from "../../vllm/realtime_events.ts";
import type { Rename } from "./rename.ts";
import { type Farewell, farewell, type SessionEnd } from "./session_end.ts";
import { type WatchOptions, watchSession } from "./watch.ts";

/** The two sides of a session, and its limits. */
export interface RelayOptions extends Omit<WatchOptions, "lastEventAt"> {
  /** Called first: sends the server what the client has sent before. */
  readonly start: () => Promise<void>;
  /** Changes what goes to the server. */
  readonly rename: Rename;
  /** Whether a message of the server that came whole is kept from the client. */
  readonly isHidden: (piece: Piece) => boolean;
  /** Called with the bytes of each piece that goes to the client. */
  readonly onBytes: (count: number) => void;
}

/** How long both sides have to answer a close. */
const CLOSE_MS = 1_000;

/**
 * Passes messages between the two sides until one of them or the router ends the session, and says
 * farewell to both. Each side is read no further than the other one takes.
 */
export async function relay(options: RelayOptions): Promise<Farewell> {
  const { client, server, start, rename, isHidden, onBytes } = options;
  let lastEventAt = performance.now();
  let isMidMessage = false;
  const watch = watchSession({ ...options, lastEventAt: () => lastEventAt });

  const toServer = start().then(() =>
    pass(client, (piece) => {
      lastEventAt = performance.now();
      return server.send(rename(piece));
    })
  );
  const toClient = pass(server, (piece) => {
    lastEventAt = performance.now();
    if (isHidden(piece)) return undefined;
    isMidMessage = !piece.isLast;
    onBytes(piece.bytes.length);
    return client.send(piece);
  });

  const end = await Promise.race([
    endOf("client", toServer),
    endOf("server", toClient),
    client.lost.then((error): SessionEnd => ({ by: "client", error })),
    server.lost.then((error): SessionEnd => ({ by: "server", error })),
    watch.interrupted.then((why): SessionEnd => ({ by: "router", why })),
  ]);
  watch.stop();
  const last = farewell(end);
  const { event } = last;
  if (event && !isMidMessage) {
    void client.send(textMessage(realtimeError(event.message, event.code)));
  }
  await Promise.all([part(client, last.toClient, toServer), part(server, last.toServer, toClient)]);
  server.drop();
  return last;
}

/** Passes pieces on until a close comes. */
async function pass(
  from: RelayedSocket,
  send: (piece: Piece) => Promise<void> | undefined,
): Promise<Close> {
  for (;;) {
    const received = await from.read();
    if ("closed" in received) return received.closed;
    const sent = send(received);
    from.lookAhead();
    await sent;
  }
}

function endOf(by: "client" | "server", passing: Promise<Close>): Promise<SessionEnd> {
  return passing.then((close) => ({ by, close }), (error) => ({ by, error }));
}

/**
 * Closes one side. Drops it if it can't be told, or doesn't answer in time.
 *
 * @param reading settles when its close has come
 */
export async function part(
  socket: RelayedSocket,
  close: Close | undefined,
  reading: Promise<unknown>,
): Promise<void> {
  const late = startTimer(() => socket.drop(), CLOSE_MS);
  if (close) await socket.close(close);
  else socket.drop();
  await reading.catch(() => {});
  stopTimer(late);
}
