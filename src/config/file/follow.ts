import type { Config } from "../config.ts";
import { loadConfig } from "./load.ts";
import type { Diagnostic } from "../schema.ts";
import { SETTLE_MS, watchFoldersOf } from "./watch.ts";

export interface FollowOptions {
  readonly path: string;
  /** What it and the files that it names held when it was first loaded. */
  readonly text: string;
  /** The files that it names. */
  readonly files: readonly string[];
  /** The slow poll behind the watch, for file systems that tell nothing. Asked before each wait. */
  readonly pollMs: () => number;
  /** A new and valid configuration. */
  readonly onConfig: (config: Config, warnings: readonly Diagnostic[]) => void;
  /** A change that can't be used; what ran before goes on. */
  readonly onProblems: (problems: readonly Diagnostic[]) => void;
  /** What should not have happened while the file was read or taken; following goes on. */
  readonly onError: (error: unknown) => void;
}

/** Follows a configuration file as it changes. */
export interface Follower {
  /** Reads the file now and takes it even if it didn't change. */
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
  // One after the other, so that an older text never overtakes a newer one.
  const look = (force: boolean) => last = last.then(() => read(force), () => read(force));

  const lookUnasked = () => void look(false).catch(options.onError);

  const watch = watchFoldersOf(() => [options.path, ...files], lookUnasked);
  const poll = () => {
    lookUnasked();
    timer = setTimeout(poll, options.pollMs());
  };
  // Soon, since the file may have changed after it was first loaded.
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
