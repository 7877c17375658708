import type { Close } from "./web_socket.ts";

/** Opcodes of frames (RFC 6455, section 5.2). */
export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** The longest payload of a control frame. */
const LONGEST_CONTROL = 125;
const OPCODES = [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG];

/** What a frame's head says. */
export interface FrameHead {
  readonly opcode: number;
  /** The last frame of its message. */
  readonly isLast: boolean;
  /** The length of the payload in bytes. */
  readonly length: number;
  /** The length of the head itself in bytes; its last four are the mask, if it has one. */
  readonly size: number;
}

/** Why a frame is refused: the code and the reason of the close that answers it. */
export interface FrameFault {
  readonly code: number;
  readonly reason: string;
}

const refuse = (reason: string): FrameFault => ({ code: 1002, reason });

/**
 * Reads the head of the frame that begins at `from`, by RFC 6455 without extensions.
 *
 * @param to the end of the bytes that have arrived
 * @param isMasked whether frames must be masked: those of clients are, those of servers are not
 * @returns `undefined` if more must come
 */
export function readFrameHead(
  bytes: Uint8Array,
  from: number,
  to: number,
  isMasked: boolean,
): FrameHead | FrameFault | undefined {
  if (to - from < 2) return undefined;
  const [first, second] = [bytes[from]!, bytes[from + 1]!];
  const opcode = first & 0x0f;
  const isLast = (first & 0x80) !== 0;
  const short = second & 0x7f;
  if ((first & 0x70) !== 0) return refuse("A reserved bit is set.");
  if (!OPCODES.includes(opcode)) return refuse("The opcode is reserved.");
  if (((second & 0x80) !== 0) !== isMasked) {
    return refuse(isMasked ? "The frame is not masked." : "The frame is masked.");
  }
  if (opcode >= CLOSE && (!isLast || short > LONGEST_CONTROL)) {
    return refuse("A control frame is too long or fragmented.");
  }
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const size = 2 + lengthBytes + (isMasked ? 4 : 0);
  if (to - from < size) return undefined;
  let length = lengthBytes === 0 ? short : 0;
  for (let i = 0; i < lengthBytes; i++) length = 256 * length + bytes[from + 2 + i]!;
  if (length > Number.MAX_SAFE_INTEGER) return refuse("The frame's length is not valid.");
  if (lengthBytes > 0 && length < (lengthBytes === 2 ? 126 : 65_536)) {
    return refuse("The frame's length is not written in its shortest form.");
  }
  return { opcode, isLast, length, size };
}

/** Builds a frame. With a mask, which is four bytes, it is a client's. */
export function frameBytes(
  opcode: number,
  isLast: boolean,
  payload: Uint8Array,
  mask: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + lengthBytes + (mask ? 4 : 0);
  const frame = new Uint8Array(start + length);
  frame[0] = (isLast ? 0x80 : 0) | opcode;
  frame[1] = (mask ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  for (let i = lengthBytes, left = length; i > 0; i--, left = Math.floor(left / 256)) {
    frame[1 + i] = left % 256;
  }
  frame.set(payload, start);
  if (mask) {
    frame.set(mask, start - 4);
    applyMask(frame.subarray(start), mask, 0);
  }
  return frame;
}

/**
 * Masks bytes in place, or takes their mask off.
 *
 * @param at where in the frame's payload the bytes begin
 */
export function applyMask(bytes: Uint8Array, mask: Uint8Array, at: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= mask[(at + i) & 3]!;
}

/** Reads the payload of a close frame. */
export function readClose(payload: Uint8Array): Close | { readonly fault: FrameFault } {
  if (payload.length === 0) return { code: undefined, reason: "" };
  const code = payload.length === 1 ? 0 : 256 * payload[0]! + payload[1]!;
  if (!mayBeSent(code)) return { fault: refuse("The code of the close is not valid.") };
  try {
    return { code, reason: new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2)) };
  } catch {
    return { fault: refuse("The reason of the close is not UTF-8.") };
  }
}

/** Builds the payload of a close frame. The reason must be at most 123 bytes of UTF-8. */
export function closePayload({ code, reason }: Close): Uint8Array {
  if (code === undefined) return new Uint8Array();
  return new Uint8Array([code >> 8, code & 255, ...new TextEncoder().encode(reason)]);
}

/** Codes that only describe what happened are never sent (RFC 6455, section 7.4). */
function mayBeSent(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
    (code >= 3000 && code <= 4999);
}
