import type { Config } from "../config.ts";
import { loadConfig } from "./load.ts";
import type { Diagnostic } from "../schema.ts";
import { SETTLE_MS, watchFoldersOf } from "./watch.ts";

export interface FollowOptions {
  readonly path: string;
  /** Contents of the file and the files it references, as first loaded. */
  readonly text: string;
  /** The files it references. */
  readonly files: readonly string[];
  /** Poll interval, for file systems without change events. Read before each wait. */
  readonly pollMs: () => number;
  /** Called with each new valid configuration. */
  readonly onConfig: (config: Config, warnings: readonly Diagnostic[]) => void;
  /** Called when a changed file is invalid; the previous configuration stays in effect. */
  readonly onProblems: (problems: readonly Diagnostic[]) => void;
  /** Called on an unexpected error while reading or applying the file; following continues. */
  readonly onError: (error: unknown) => void;
}

/** Follows a configuration file as it changes. */
export interface Follower {
  /** Reads and applies the file now, even if it is unchanged. */
  reload(): Promise<void>;
  stop(): void;
}

export function followConfig(options: FollowOptions): Follower {
  let { text, files } = options;
  let stopped = false;
  let last = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(force: boolean): Promise<void> {
    if (!stopped) watch.renew();
    const loaded = await loadConfig(options.path);
    if (stopped || (loaded.text === text && !force)) return;
    text = loaded.text;
    files = loaded.files;
    watch.renew();
    const { checked } = loaded;
    if (checked.ok) options.onConfig(checked.config, checked.warnings);
    else options.onProblems(checked.problems);
  }
  // Reads are serialised so that older contents never replace newer ones.
  const look = (force: boolean) => last = last.then(() => read(force), () => read(force));

  const reloadIfChanged = () => void look(false).catch(options.onError);

  const watch = watchFoldersOf(() => [options.path, ...files], reloadIfChanged);
  const poll = () => {
    reloadIfChanged();
    timer = setTimeout(poll, options.pollMs());
  };
  // The first poll is early: the file may have changed since it was first loaded.
  timer = setTimeout(poll, SETTLE_MS);

  return {
    reload: () => look(true),
    stop() {
      stopped = true;
      watch.stop();
      clearTimeout(timer);
    },
  };
}
