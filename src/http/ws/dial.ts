import type { Target } from "../client_pool.ts";
import type { Head } from "../exchange.ts";
import { ConnectError } from "../fetch_error.ts";
import type { FieldMap } from "../field_map.ts";
import { Output } from "../h1/output.ts";
import { BadResponse, type ParsedResponseHead } from "../h1/response_head.ts";
import { fieldLines } from "../h1/response_text.ts";
import { type Connecting, createServerPool, type ServerConnection } from "../h1/server_pool.ts";
import { acceptFor } from "./handshake.ts";
import { OwnWebSocket } from "./own_web_socket.ts";
import { ask, connectThrough, firstHop } from "./server_route.ts";
import type { RelayedSocket } from "./web_socket.ts";

/** A WebSocket to a server that is being opened. */
export interface Dialing {
  /**
   * Rejects with a `ConnectError` if the server can't be reached, and with a
   * {@linkcode RefusedByServer} if it answers with another status than 101.
   */
  readonly socket: Promise<RelayedSocket>;
  /** The server has been reached, and has only to answer. */
  isConnected(): boolean;
  /** Closes what has been opened: `socket` rejects. */
  giveUp(): void;
}

/** The server answered the handshake with another status than 101. */
export class RefusedByServer extends Error {
  override name = "RefusedByServer";
  readonly status: number;
  readonly headers: FieldMap;

  constructor({ status, fields }: ParsedResponseHead) {
    super(`it answered the WebSocket handshake with ${status}`);
    this.status = status;
    this.headers = fields;
  }
}

/** Each WebSocket has a connection of its own. */
const NO_IDLE = { idleMs: 0, most: 0 };
const KEY_BYTES = 16;

/**
 * Opens a WebSocket to a server, over HTTP/1.1 of our own: the runtime's can't hold its reading
 * back.
 *
 * @param target the path below the server's address, with its query
 */
export function dial(server: Target, target: string, headers: Head): Dialing {
  let isConnected = false;
  let isGivenUp = false;
  let connecting: Connecting | undefined;
  let raw: ServerConnection | undefined;

  async function connect(): Promise<ServerConnection> {
    connecting = createServerPool(firstHop(server), NO_IDLE).connect();
    raw = await connecting.connection.finally(() => connecting = undefined);
    try {
      if (isGivenUp) throw new Error("The connection was given up");
      return await connectThrough(raw, server);
    } catch (cause) {
      raw.socket.close();
      throw new ConnectError("No connection to the server", { cause });
    }
  }

  async function open(): Promise<RelayedSocket> {
    const connection = await connect();
    isConnected = true;
    try {
      return await shakeHands(connection, server, target, headers);
    } catch (error) {
      connection.socket.close();
      throw error;
    }
  }

  return {
    socket: open(),
    isConnected: () => isConnected,
    giveUp() {
      isGivenUp = true;
      connecting?.giveUp();
      raw?.socket.close();
    },
  };
}

async function shakeHands(
  connection: ServerConnection,
  { url }: Target,
  target: string,
  headers: Head,
): Promise<RelayedSocket> {
  const { host, pathname } = new URL(url);
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
  const fields = fieldLines([
    ["host", host],
    ["connection", "upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", key],
    ...headers,
  ]);
  const path = pathname.replace(/\/$/, "") + target;
  const head = await ask(connection, `GET ${path} HTTP/1.1\r\n${fields}\r\n`);
  if (head.status !== 101) throw new RefusedByServer(head);
  if (head.fields.get("sec-websocket-accept") !== acceptFor(key)) {
    throw new BadResponse("the answer to the WebSocket handshake does not fit its key");
  }
  if (head.fields.has("sec-websocket-extensions") || head.fields.has("sec-websocket-protocol")) {
    throw new BadResponse("the server chose an extension or a subprotocol that was not offered");
  }
  const { input, socket } = connection;
  const drop = () => socket.close();
  const output = new Output(socket, drop);
  return new OwnWebSocket({ input, output, isClient: false, maxMessageBytes: Infinity, drop });
}
