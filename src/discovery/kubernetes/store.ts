import { isDeepStrictEqual } from "node:util";
import { isOlder, type Named } from "./objects.ts";

/** What is known of one name; without a value, the object was deleted or never readable. */
interface Entry<T> {
  readonly version: string;
  readonly value: T | undefined;
}

/** The objects of one kind, as the events of a watch tell. */
export interface Store<T> {
  /** Replaces all objects by those of a list. A malformed one stays as it was known. */
  replace(listed: readonly Named<T>[]): void;
  /**
   * Takes an object that was added or modified, unless a later version is known.
   *
   * @returns whether anything changed
   */
  put(object: Named<T>): boolean;
  /** Forgets an object, unless a later version is known. Returns whether anything changed. */
  remove(object: Named<T>): boolean;
  /** The value of that name, if it is known. */
  get(name: string): T | undefined;
  /** All values, the one with the latest version last. */
  values(): T[];
}

/** Deleted names that are remembered, so that a late event doesn't bring an object back. */
const MAX_DELETED = 1_000;

/** Creates an empty store of at most `maxObjects`; further objects are ignored. */
export function createStore<T>(maxObjects: number): Store<T> {
  let objects = new Map<string, Entry<T>>();
  let deleted = new Map<string, string>();

  const knownVersion = (name: string) => objects.get(name)?.version ?? deleted.get(name);

  return {
    replace(listed) {
      const before = objects;
      objects = new Map(
        listed.slice(0, maxObjects).map(({ name, version, value }) => [
          name,
          { version, value: value ?? before.get(name)?.value },
        ]),
      );
      deleted = new Map();
    },
    put(object) {
      const { name, version, value } = object;
      const last = knownVersion(name);
      if (last !== undefined && (version === last || isOlder(version, last))) return false;
      const known = objects.get(name);
      if (!known && objects.size >= maxObjects) return false;
      objects.set(name, { version, value: value ?? known?.value });
      deleted.delete(name);
      return value !== undefined && !isDeepStrictEqual(value, known?.value);
    },
    remove(object) {
      const { name, version } = object;
      const last = knownVersion(name);
      // Some API servers give a deletion the version that the object had.
      if (last !== undefined && isOlder(version, last)) return false;
      deleted.delete(name);
      deleted.set(name, version);
      if (deleted.size > MAX_DELETED) deleted.delete(deleted.keys().next().value!);
      return objects.delete(name);
    },
    get: (name) => objects.get(name)?.value,
    values() {
      return [...objects.values()]
        .sort((a, b) => isOlder(a.version, b.version) ? -1 : isOlder(b.version, a.version) ? 1 : 0)
        .flatMap(({ value }) => value === undefined ? [] : [value]);
    },
  };
}
