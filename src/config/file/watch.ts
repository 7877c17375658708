import { dirname } from "node:path";

/** Long enough for an editor's burst of events, short enough to feel immediate. */
export const SETTLE_MS = 100;

/** A watch over the folders that decide what a path leads to. */
export interface FolderWatch {
  /** Looks anew where the path leads, since a link may have been turned elsewhere. */
  renew(): void;
  stop(): void;
}

/**
 * Calls `onEvent` soon after anything happens in the folder of one of `paths`, or in that of the
 * file it links to: an edit in place, an atomic rename, a ConfigMap's symlink swap. A watch on the file
 * itself would end at the first rename. The caller compares contents, since most events in a
 * folder are about something else.
 */
export function watchFoldersOf(
  paths: () => readonly string[],
  onEvent: () => void,
): FolderWatch {
  let settle: ReturnType<typeof setTimeout> | undefined;
  let watched = "";
  let watcher: Deno.FsWatcher | undefined;

  async function listen(events: Deno.FsWatcher) {
    for await (const _ of events) {
      settle ??= setTimeout(() => {
        settle = undefined;
        onEvent();
      }, SETTLE_MS);
    }
    // Its folder went away: the next look may find another.
    if (watcher === events) watched = "";
  }

  function renew() {
    const folders = foldersOf(paths());
    if (folders.join("\n") === watched) return;
    watcher?.[Symbol.dispose]();
    watcher = undefined;
    try {
      watcher = Deno.watchFs(folders, { recursive: false });
      watched = folders.join("\n");
      listen(watcher).catch(() => watched = "");
    } catch {
      // No folder to watch just now: the slow poll goes on, and renews.
      watched = "";
    }
  }

  renew();
  return {
    renew,
    stop() {
      clearTimeout(settle);
      watcher?.[Symbol.dispose]();
      watcher = undefined;
    },
  };
}

/** The folders of the files, and where a file is a link, the folder it leads to. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set(paths.map((path) => dirname(path)));
  for (const path of paths) {
    try {
      folders.add(dirname(Deno.realPathSync(path)));
    } catch {
      // A file that is missing just now leads nowhere.
    }
  }
  // One that is missing would keep the others from being watched.
  return [...folders].filter(isThere);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
