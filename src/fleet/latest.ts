/** Entries of which those put longest ago leave. */
export interface Latest<K, V> {
  /** Those that are there, the one put longest ago first. */
  readonly entries: ReadonlyMap<K, V>;
  /** Puts an entry at the end. */
  put(key: K, value: V): void;
  delete(key: K): void;
}

/** @param most entries that are kept */
export function createLatest<K, V>(most: number): Latest<K, V> {
  const entries = new Map<K, V>();
  // Kept, as a new one would pass all places that are empty each time. What it passes leaves.
  const oldest = entries.keys();
  return {
    entries,
    put(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size > most) entries.delete(oldest.next().value!);
    },
    delete: (key) => void entries.delete(key),
  };
}
