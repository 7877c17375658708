import { createHash } from "node:crypto";
import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";
import { concatBytes } from "./request_reader.ts";

/** Longest message accepted from a client, in bytes, as uvicorn's default. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** Status codes of a close frame. */
const CODE = { protocolError: 1002, unsupported: 1003, tooBig: 1009, restart: 1012 } as const;

/** The server's end of a WebSocket without extensions. */
export interface WebSocketConnection {
  /** Sends a text message. Does nothing once the connection is closed. */
  send(text: string): void;
}

/**
 * Accepts a WebSocket. It closes with 1012 when the port closes, as uvicorn's does. Returns
 * undefined, and leaves the response alone, if the request doesn't ask for one.
 */
export function acceptWebSocket(
  request: HttpRequest,
  response: HttpResponse,
  onText: (text: string) => void,
): WebSocketConnection | undefined {
  const key = request.headers.get("sec-websocket-key");
  const isAsked = request.method === "GET" && key !== undefined &&
    request.headers.get("upgrade")?.toLowerCase() === "websocket";
  if (!isAsked) return undefined;

  const decoder = new TextDecoder();
  let received = new Uint8Array();
  let message: Uint8Array[] = [];
  let messageBytes = 0;

  const close = (code: number) => {
    const payload = Uint8Array.of(code >> 8, code & 0xff);
    response.write(frame(OPCODE.close, payload));
    response.drop();
    response.onClientLeft();
  };

  function take({ opcode, isFinal, payload }: Frame): void {
    switch (opcode) {
      case OPCODE.ping:
        return response.write(frame(OPCODE.pong, payload));
      case OPCODE.pong:
        return;
      case OPCODE.close:
        return close(payload.length < 2 ? 1000 : payload[0]! * 256 + payload[1]!);
      case OPCODE.text:
      case OPCODE.continuation:
        break;
      default:
        return close(opcode === OPCODE.binary ? CODE.unsupported : CODE.protocolError);
    }
    message.push(payload);
    messageBytes += payload.length;
    if (messageBytes > MAX_MESSAGE_BYTES) return close(CODE.tooBig);
    if (!isFinal) return;
    const text = decoder.decode(concatBytes(message));
    message = [];
    messageBytes = 0;
    onText(text);
  }

  response.switchProtocols({
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-accept": createHash("sha1").update(key + ACCEPT_GUID).digest("base64"),
  }, (bytes) => {
    received = concatBytes([received, bytes]);
    while (response.isOpen) {
      const next = readFrame(received);
      if (next === undefined) return;
      if (next === "too big") return close(CODE.tooBig);
      received = received.subarray(next.end);
      take(next);
    }
  });
  response.onPortClosed = () => close(CODE.restart);
  return { send: (text) => response.write(frame(OPCODE.text, new TextEncoder().encode(text))) };
}

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Uint8Array;
  /** Length of the frame, in bytes. */
  readonly end: number;
}

/** Reads the client's frame that `bytes` begin with; undefined until all of it is there. */
function readFrame(bytes: Uint8Array): Frame | "too big" | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskAt = 2 + lengthBytes;
  if (bytes.length < maskAt) return undefined;
  let length = lengthBytes === 0 ? short : 0;
  for (let at = 2; at < maskAt; at++) length = length * 256 + bytes[at]!;
  if (length > MAX_MESSAGE_BYTES) return "too big";
  const isMasked = bytes[1]! >= 0x80;
  const start = maskAt + (isMasked ? 4 : 0);
  const end = start + length;
  if (bytes.length < end) return undefined;
  const payload = bytes.slice(start, end);
  if (isMasked) payload.forEach((byte, at) => payload[at] = byte ^ bytes[maskAt + at % 4]!);
  return { opcode: bytes[0]! & 0x0f, isFinal: bytes[0]! >= 0x80, payload, end };
}

/** Returns an unmasked frame, as servers send. */
function frame(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const head = length < 126
    ? [length]
    : length < 2 ** 16
    ? [126, length >> 8, length & 0xff]
    : [127, 0, 0, 0, 0, length >>> 24, length >>> 16 & 0xff, length >>> 8 & 0xff, length & 0xff];
  return concatBytes([Uint8Array.of(0x80 | opcode, ...head), payload]);
}
