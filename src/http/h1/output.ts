import type { Socket } from "./input.ts";
import { writeLatin1 } from "./latin1.ts";

/** Buffers of one size that are used again: most writes are done before the next one begins. */
interface Pool {
  readonly size: number;
  /** The most that are kept. */
  readonly most: number;
  readonly free: Uint8Array<ArrayBuffer>[];
}

const POOLS: readonly Pool[] = [
  { size: 4 * 1024, most: 256, free: [] },
  { size: 16 * 1024, most: 64, free: [] },
];

/** Bytes to write. */
export interface Frame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Only this many of them. */
  readonly length: number;
  /** Where the buffer goes once it is written. */
  readonly pool: Pool | undefined;
}

/** Copies a text, bytes and a text after them into one buffer. */
export function frameOf(before: string, body: Uint8Array | undefined, after = ""): Frame {
  const length = before.length + (body?.length ?? 0) + after.length;
  const pool = POOLS.find(({ size }) => length <= size);
  const bytes = pool?.free.pop() ?? new Uint8Array(pool?.size ?? length);
  let at = writeLatin1(bytes, before, 0);
  if (body) {
    bytes.set(body, at);
    at += body.length;
  }
  if (after !== "") writeLatin1(bytes, after, at);
  return { bytes, length, pool };
}

/** A frame of bytes that are not copied, and must not change until they are written. */
export function wholeFrame(bytes: Uint8Array<ArrayBuffer>): Frame {
  return { bytes, length: bytes.length, pool: undefined };
}

function release({ bytes, pool }: Frame): void {
  if (pool && pool.free.length < pool.most) pool.free.push(bytes);
}

/** Writes to a socket, in order. */
export class Output {
  readonly #socket: Socket;
  readonly #onBroken: () => void;
  #waiting: Frame[] = [];
  #isBusy = false;
  #isBroken = false;
  #written = 0;
  #ready: PromiseWithResolvers<void> | undefined;

  /** @param onBroken called once, when a write fails */
  constructor(socket: Socket, onBroken: () => void) {
    this.#socket = socket;
    this.#onBroken = onBroken;
  }

  /** The number of writes that the connection has not taken. */
  get unsent(): number {
    return this.#waiting.length + (this.#isBusy ? 1 : 0);
  }

  /** Bytes that the connection has taken so far. */
  get written(): number {
    return this.#written;
  }

  /** Settles when all has been written, or nothing can be any more. Never rejects. */
  write(frame: Frame): Promise<void> {
    if (this.#isBroken) return Promise.resolve();
    if (!this.#isBusy) return this.#drain(frame);
    this.#waiting.push(frame);
    return this.ready();
  }

  /** Settles when nothing is being written. */
  ready(): Promise<void> {
    if (!this.#isBusy) return Promise.resolve();
    this.#ready ??= Promise.withResolvers();
    return this.#ready.promise;
  }

  async #drain(first: Frame): Promise<void> {
    this.#isBusy = true;
    let frame: Frame | undefined = first;
    try {
      do {
        for (let at = 0; at < frame.length;) {
          const count = await this.#socket.write(frame.bytes.subarray(at, frame.length));
          this.#written += count;
          at += count;
        }
        release(frame);
        frame = this.#waiting.shift();
      } while (frame);
    } catch {
      this.#isBroken = true;
      this.#waiting = [];
      this.#onBroken();
    }
    this.#isBusy = false;
    this.#ready?.resolve();
    this.#ready = undefined;
  }
}

/** A whole answer up to this size is sent with its head in one write. */
const ONE_WRITE = 16 * 1024;

/** Writes the head of an answer and its whole body, which must not change until it is written. */
export function writeAnswer(
  output: Output,
  head: string,
  body: Uint8Array<ArrayBuffer> | undefined,
): void {
  if (body && body.length > ONE_WRITE) {
    void output.write(frameOf(head, undefined));
    void output.write(wholeFrame(body));
  } else void output.write(frameOf(head, body));
}

/** Writes a frame, whose buffer may be used again then. Rejects if the connection breaks. */
export async function writeFrame(socket: Socket, frame: Frame): Promise<void> {
  await writeAll(socket, frame);
  release(frame);
}

/** Writes some bytes, all of them. Rejects if the connection breaks. */
export async function writeAll(
  socket: Socket,
  { bytes, length }: Pick<Frame, "bytes" | "length">,
): Promise<void> {
  for (let at = 0; at < length;) at += await socket.write(bytes.subarray(at, length));
}
