/**
 * Puts an entry at a map's end, so that the one that was put there longest ago comes first; past
 * `most` that one leaves.
 */
export function putLatest<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}
