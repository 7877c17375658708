/** To find the first entry of a map takes long where many before it have left: so many leave at once. */
const LEAVING_SHARE = 1 / 64;

/**
 * Puts an entry at a map's end, so that the one that was put there longest ago comes first; past
 * `most` some of the first leave.
 */
export function putLatest<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const left = Math.ceil((1 - LEAVING_SHARE) * most);
  for (const oldest of map.keys()) {
    if (map.size <= left) return;
    map.delete(oldest);
  }
}
