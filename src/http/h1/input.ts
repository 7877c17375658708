/** A connection, as a stream of bytes: `Deno.TcpConn`, or one over TLS. */
export interface Socket {
  /** Reads what has arrived, as far as it fits; `null` at the end. Rejects if the connection breaks. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes, and returns how many bytes were taken. Rejects if the connection breaks. */
  write(bytes: Uint8Array): Promise<number>;
  /** Sends no more, but still reads. */
  closeWrite(): Promise<void>;
  /** Closes both ways; what is pending rejects. */
  close(): void;
}

/**
 * Most reads bring a few hundred bytes. One that fills the buffer earns a buffer four times as
 * large, a row of reads that leave most of it empty a smaller one: a connection keeps its buffer
 * for as long as it waits.
 */
const SMALLEST = 1024;
const LARGEST = 64 * 1024;
const STEP = 4;
/** The last read of each answer is often short: a buffer that shrinks at once grows again. */
const SHRINK_AFTER = 8;

/** The connection broke. The cause is the socket's error. */
export class ConnectionLost extends Error {
  override name = "ConnectionLost";
}

/** What has arrived over a socket and has not been used yet. */
export class Input {
  /** The unused bytes are those between `from` and `to`. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SMALLEST);
  from = 0;
  to = 0;
  readonly #socket: Socket;
  #pending: Promise<boolean> | undefined;
  /** Reads in a row that left most of the buffer empty. */
  #sparse = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The number of unused bytes. */
  get length(): number {
    return this.to - this.from;
  }

  /** No more can be read before something is used. */
  get isFull(): boolean {
    return this.length === LARGEST;
  }

  /**
   * Reads more. All callers share one read, which may be pending for as long as nothing arrives, so
   * a connection that ends is noticed while nobody waits for its bytes.
   *
   * @returns `false` at the end. Rejects with {@linkcode ConnectionLost}.
   */
  fill(): Promise<boolean> {
    return this.#pending ??= this.#read();
  }

  /** Uses the next `count` bytes. They stay valid until the next `fill`. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const start = this.from;
    this.from += count;
    return this.bytes.subarray(start, this.from);
  }

  /** Gives up a large buffer, if it is empty and no read is pending. */
  shrink(): void {
    if (this.#pending || this.length > 0 || this.bytes.length <= STEP * SMALLEST) return;
    this.bytes = new Uint8Array(SMALLEST);
    this.from = this.to = 0;
  }

  #read(): Promise<boolean> {
    this.#makeRoom();
    const { bytes, to } = this;
    return this.#socket.read(to === 0 ? bytes : bytes.subarray(to)).then(this.#took, lost);
  }

  readonly #took = (count: number | null): boolean => {
    // At the end the read stays the last one.
    if (count === null) return false;
    this.#pending = undefined;
    this.to += count;
    return true;
  };

  #makeRoom(): void {
    const { bytes, from, to, length } = this;
    const size = this.#nextSize();
    // Moves what is there only if that makes much room.
    if (size === bytes.length && length > 0 && 2 * to < size) return;
    if (size === bytes.length) {
      if (length > 0) bytes.copyWithin(0, from, to);
    } else {
      this.bytes = new Uint8Array(size);
      this.bytes.set(bytes.subarray(from, to));
    }
    this.from = 0;
    this.to = length;
  }

  /** The size of the buffer for the next read. */
  #nextSize(): number {
    const { bytes: { length: size }, to, length } = this;
    if (to === size) return Math.min(STEP * size, LARGEST);
    // Far below the size that would make it grow again.
    const isSparse = length === 0 && STEP * STEP * to <= size;
    this.#sparse = isSparse ? this.#sparse + 1 : 0;
    if (this.#sparse < SHRINK_AFTER || size === SMALLEST) return size;
    this.#sparse = 0;
    return size / STEP;
  }
}

function lost(cause: unknown): never {
  throw new ConnectionLost("The connection broke", { cause });
}
