import { jittered } from "../../util/jitter.ts";
import { pause } from "../../util/interval.ts";
import type { Api, Failure, Kind } from "./api.ts";
import { list } from "./list.ts";
import { bookmarkedVersion, isOlder, readNamed, type WatchEvent } from "./objects.ts";
import { createStore, type Store } from "./store.ts";
import { watch } from "./watch.ts";

/** What a reflector follows, and whom it tells. */
export interface ReflectorOptions<T> {
  readonly api: Api;
  readonly kind: Kind;
  /** Reads an object. Returns `undefined` if it is malformed. */
  readonly read: (object: unknown) => T | undefined;
  /** More objects are not kept. */
  readonly maxObjects: number;
  /** The API server can be read; the objects may have changed. */
  readonly onRead: () => void;
  /** The API server can't be read; the objects stay. */
  readonly onFailure: (reason: string) => void;
  /** Told of objects that are left out. */
  readonly onWarning: (text: string) => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** How long a watch is kept open at least, in seconds. */
  readonly watchSeconds: number;
}

/** A copy of the objects of one kind that follows those of the API server. */
export interface Reflector<T> {
  readonly objects: Pick<Store<T>, "get" | "values">;
  /** Resolves when nothing is pending any more. */
  stop(): Promise<void>;
}

/** As many in a row are nothing to tell: a watch breaks off, and its version is gone meanwhile. */
const USUAL_FAILURES = 2;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** A watch that ends earlier counts as a failure. */
const SHORTEST_WATCH_MS = 1_000;
/** Maximum change of each pause as a fraction of it, so that routers don't come back all at once. */
const JITTER = 0.5;

/** Lists the objects of a kind, then watches them, for as long as it isn't stopped. */
export function startReflector<T>(options: ReflectorOptions<T>): Reflector<T> {
  const { api, kind, read, maxObjects, onRead, onWarning, random } = options;
  const { plural } = kind;
  const stopping = new AbortController();
  const { signal } = stopping;
  const store = createStore<T>(maxObjects);
  /** The last version seen; `undefined` if the objects have to be listed. */
  let version: string | undefined;
  /** Failures since an event was last seen. */
  let failures = 0;

  function named(object: unknown) {
    const found = readNamed(object, read);
    if (!found) onWarning(`one of the ${plural} has no valid name and version, ignored`);
    else if (!found.value) onWarning(`${plural} ${found.name} is malformed, ignored`);
    return found;
  }

  async function listAll(): Promise<Failure | undefined> {
    const listed = await list(api, kind, maxObjects, signal);
    if ("reason" in listed) return listed;
    store.replace(listed.objects.flatMap((object) => named(object) ?? []));
    version = listed.version;
    onRead();
    return undefined;
  }

  function take({ type, object }: WatchEvent): void {
    failures = 0;
    if (type === "BOOKMARK") return see(bookmarkedVersion(object));
    const found = named(object);
    if (!found) return;
    see(found.version);
    const hasChanged = type === "DELETED" ? store.remove(found) : store.put(found);
    if (hasChanged) onRead();
  }

  function see(seen: string | undefined): void {
    if (seen !== undefined && !isOlder(seen, version ?? seen)) version = seen;
  }

  async function watchOn(from: string): Promise<Failure | undefined> {
    let openedAt = Infinity;
    let isSilent = true;
    const failure = await watch(api, {
      kind,
      version: from,
      seconds: Math.round(options.watchSeconds * (1 + random())),
      stopping: signal,
      onOpen() {
        openedAt = performance.now();
        onRead();
      },
      onEvent(event) {
        isSilent = false;
        take(event);
      },
    });
    const openMs = performance.now() - openedAt;
    const hasLasted = openMs >= SHORTEST_WATCH_MS;
    if (hasLasted) failures = 0;
    // One that has not even a bookmark is either dead, or of a version that the API server has lost.
    const isDoubtful = isSilent && openMs >= options.watchSeconds * 1000;
    if (failure?.listAgain || isDoubtful) version = undefined;
    if (failure || hasLasted) return failure;
    // Otherwise it would be opened again and again without a pause.
    return { reason: `the watch of ${plural}: it ends at once`, isUsual: true };
  }

  async function follow(): Promise<void> {
    let hasFailed = false;
    while (!signal.aborted) {
      const failure = await (version === undefined ? listAll() : watchOn(version));
      if (signal.aborted) return;
      if (!failure) continue;
      const isBack = failure.isUsual && hasFailed;
      hasFailed = !failure.isUsual;
      failures = isBack ? 1 : failures + 1;
      if (failures > USUAL_FAILURES || !failure.isUsual) options.onFailure(failure.reason);
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
      await pause(jittered(pauseMs, JITTER, random) + (failure.retryAfterMs ?? 0), signal);
    }
  }

  const done = follow();
  return {
    objects: store,
    stop() {
      stopping.abort();
      return done;
    },
  };
}
