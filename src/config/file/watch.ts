import { dirname } from "node:path";

/** Debounce time: covers an editor's burst of events, but still feels immediate. */
export const SETTLE_MS = 100;

/** A watch over the folders that determine which file a path resolves to. */
export interface FolderWatch {
  /** Resolves the paths again, since a symlink may have changed. */
  renew(): void;
  stop(): void;
}

/**
 * Calls `onEvent` shortly after any change in the folder of one of `paths` or of its symlink
 * target: an edit in place, an atomic rename, a ConfigMap's symlink swap. A watch on the file
 * itself would end at the first rename. The caller must compare contents, since most events in a
 * folder concern other files.
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
    // The folder was removed; the next renew() may find another.
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
      // No folder to watch at present; the poll continues and calls renew().
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

/** The folders of the files and of their symlink targets. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set(paths.map((path) => dirname(path)));
  for (const path of paths) {
    try {
      folders.add(dirname(Deno.realPathSync(path)));
    } catch {
      // A missing file has no target.
    }
  }
  // Deno.watchFs watches nothing if one folder is missing.
  return [...folders].filter(isFolder);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
