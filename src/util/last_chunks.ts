/** The last few chunks of a stream, copied into buffers that are used again. */
export interface LastChunks {
  add(chunk: Uint8Array): void;
  /** Returns their bytes, oldest first. */
  bytes(): Uint8Array<ArrayBuffer>;
}

interface Slot {
  buffer: Uint8Array<ArrayBuffer>;
  length: number;
}

/** The limits of {@linkcode lastChunks}. */
export interface LastChunksOptions {
  /** How many chunks are kept. */
  readonly count: number;
  /** A chunk is merged with the one before if that is shorter than this. */
  readonly shortBytes: number;
  /** Of a longer chunk only this much of its end is kept. */
  readonly mostBytes: number;
}

/** Keeps the last `count` chunks. */
export function lastChunks({ count, shortBytes, mostBytes }: LastChunksOptions): LastChunks {
  const slots: Slot[] = [];
  /** Number of chunks added, without those that were merged. */
  let added = 0;

  function write(slot: Slot, at: number, chunk: Uint8Array): void {
    const kept = chunk.length > mostBytes ? chunk.subarray(-mostBytes) : chunk;
    slot.length = at + kept.length;
    if (slot.length > slot.buffer.length) {
      const buffer = new Uint8Array(slot.length + shortBytes);
      buffer.set(slot.buffer.subarray(0, at));
      slot.buffer = buffer;
    }
    slot.buffer.set(kept, at);
  }

  return {
    add(chunk) {
      const last = slots[(added + count - 1) % count];
      if (last && added > 0 && last.length < shortBytes) return write(last, last.length, chunk);
      const slot = slots[added % count] ??= { buffer: new Uint8Array(0), length: 0 };
      added++;
      write(slot, 0, chunk);
    },
    bytes() {
      const inOrder = slots.map((_, i) => slots[(Math.max(0, added - count) + i) % count]!);
      const all = new Uint8Array(inOrder.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const { buffer, length } of inOrder) {
        all.set(buffer.subarray(0, length), at);
        at += length;
      }
      return all;
    },
  };
}
