import { dirname } from "node:path";

/** Long enough for an editor's burst of events, short enough to feel immediate. */
const SETTLE_MS = 100;

/**
 * Calls `onEvent` soon after anything happens in the folder of `path`: an edit in place, an atomic
 * rename, a ConfigMap's symlink swap. A watch on the file itself would end at the first rename.
 * The caller compares contents, since most events in a folder are about something else.
 *
 * @returns stops the watch
 */
export function watchFolderOf(path: string, onEvent: () => void): () => void {
  let settle: ReturnType<typeof setTimeout> | undefined;
  const watcher = Deno.watchFs([...foldersOf(path)], { recursive: false });
  void (async () => {
    for await (const _ of watcher) {
      settle ??= setTimeout(() => {
        settle = undefined;
        onEvent();
      }, SETTLE_MS);
    }
  })();
  return () => {
    clearTimeout(settle);
    try {
      watcher.close();
    } catch {
      // It ended by itself when its folder went away.
    }
  };
}

/** The folder of the file, and where the file is a link, the folder it leads to. */
function foldersOf(path: string): Set<string> {
  const folders = new Set([dirname(path)]);
  try {
    folders.add(dirname(Deno.realPathSync(path)));
  } catch {
    // A file that is missing just now has no target to watch.
  }
  return folders;
}
