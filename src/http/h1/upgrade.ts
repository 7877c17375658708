import type { Head } from "../exchange.ts";
import { acceptingHead } from "../ws/handshake.ts";
import { OwnWebSocket } from "../ws/own_web_socket.ts";
import type { Handshake } from "../ws/web_socket.ts";
import type { Input } from "./input.ts";
import { frameOf, type Output } from "./output.ts";
import { responseText } from "./response_text.ts";

/** A connection that may become a WebSocket. */
export interface Upgradable {
  readonly input: Input;
  readonly output: Output;
  /** Closes it at once. */
  readonly close: () => void;
}

/** How a handshake is accepted. */
export interface Acceptance {
  readonly handshake: Handshake;
  /** Further fields of the answer. */
  readonly head: Head;
  readonly maxMessageBytes: number;
  /** Bytes of the answer that have been sent. */
  readonly sent: number;
}

/** Makes a client's connection a WebSocket. */
export function upgrade(
  { input, output, close }: Upgradable,
  { handshake, head, maxMessageBytes, sent }: Acceptance,
): OwnWebSocket {
  const text = responseText(101, [...acceptingHead(handshake), ...head], "", false, 1);
  void output.write(frameOf(text.slice(sent), undefined));
  return new OwnWebSocket({ input, output, isClient: true, maxMessageBytes, drop: close });
}
