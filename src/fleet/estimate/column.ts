/** 32-bit integers by index; 0 where none was set. */
export interface Column {
  get(at: number): number;
  set(at: number, value: number): void;
}

const CHUNK_BITS = 14;
const CHUNK = 1 << CHUNK_BITS;

/**
 * Creates a column that grows in chunks and is never copied, so that no call takes long and the
 * garbage collector has nothing to scan.
 */
export function createColumn(): Column {
  const chunks: Int32Array[] = [];
  return {
    get(at) {
      const chunk = chunks[at >> CHUNK_BITS];
      return chunk === undefined ? 0 : chunk[at & (CHUNK - 1)]!;
    },
    set(at, value) {
      const index = at >> CHUNK_BITS;
      // Filled without gaps: a sparse array would be slower.
      while (chunks.length <= index) chunks.push(new Int32Array(CHUNK));
      chunks[index]![at & (CHUNK - 1)] = value;
    },
  };
}
