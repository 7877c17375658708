/** Bytes that grow at their end. */
export class GrowingBytes {
  /** Bytes appended so far. */
  length = 0;
  #buffer = new Uint8Array(64);

  /** Bytes of memory that it takes. */
  get capacity(): number {
    return this.#buffer.length;
  }

  append(bytes: Uint8Array): void {
    const needed = this.length + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.length);
    this.length = needed;
  }

  replaceLast(byte: number): void {
    this.#buffer[this.length - 1] = byte;
  }

  clear(): void {
    this.length = 0;
  }

  /** Returns the first bytes, valid until the next call. */
  first(count = this.length): Uint8Array {
    return this.#buffer.subarray(0, count);
  }
}
