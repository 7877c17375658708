import { readState, whyNotWritable, whyNotWritten, writeState } from "./state_disk.ts";
import { pause } from "./util/interval.ts";
import { nextTimeSlice } from "./util/time_slices.ts";

/** A part of the router's state that is kept in the state file, under a name of its own. */
export interface StatePart {
  /** Goes through it as pieces of one JSON text, each made in a fraction of a millisecond. */
  readonly save: () => Iterable<string>;
  /** Takes over what was saved, which may be anything. Returns what is wrong with it, if so. */
  readonly restore: (saved: unknown) => string | undefined;
}

/** Parts by name. */
export type StateParts = Readonly<Record<string, StatePart>>;

/** A state file that is written from time to time. */
export interface StateFile {
  /** Writes the file now, for a change that must not wait. */
  saveNow(): void;
  /** Writes the file a last time and stops. */
  close(): Promise<void>;
}

/** Options of a state file. */
export interface StateFileOptions {
  /** Returns its path, asked before each use; `undefined` if none is configured. */
  readonly path: () => string | undefined;
  /** What is kept in it. */
  readonly parts: StateParts;
  /** Called if the parts were restored. */
  readonly onRestored: (path: string, ageMs: number) => void;
  /**
   * Called if the file can't be used at the start, and if it can't be written, once per reason.
   * `problem` goes on with the sentence "The state file … ".
   */
  readonly onProblem: (path: string, problem: string) => void;
  /** Interval between two times of writing it. @default a minute */
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;
/** How long requests wait for the pieces, plus the time of one piece. */
const TURN_MS = 0.5;

/**
 * Restores the parts from the file, if there is one, and from then on writes them to it every minute
 * if they have changed. A file that can't be used is reported, and overwritten later.
 */
export function openStateFile(options: StateFileOptions): StateFile {
  const { path, parts, onProblem, everyMs = EVERY_MS } = options;
  let isClosing = false;
  /** Aborts the pause before the file is written again. */
  let pausing = new AbortController();
  /** Why it can't be written, as reported last. */
  let failure: string | undefined;
  let written: { readonly path: string; readonly pieces: readonly string[] } | undefined;

  function report(path: string, why: string | undefined): void {
    if (why !== undefined && why !== failure) onProblem(path, `can't be written: ${why}`);
    failure = why;
  }

  async function save(): Promise<void> {
    const to = path();
    if (to === undefined) return;
    try {
      const pieces = await piecesOf(parts);
      if (written?.path === to && isSame(written.pieces, pieces)) return;
      await writeState(to, pieces);
      written = { path: to, pieces };
      report(to, undefined);
    } catch (error) {
      report(to, whyNotWritten(to, error));
    }
  }

  async function saveRepeatedly(): Promise<void> {
    for (;;) {
      await pause(everyMs, pausing.signal);
      if (isClosing) return;
      pausing = new AbortController();
      await save();
    }
  }

  const configured = path();
  if (configured !== undefined) {
    restore(configured, options);
    report(configured, whyNotWritable(configured));
  }
  const saving = saveRepeatedly();
  return {
    saveNow: () => pausing.abort(),
    async close() {
      isClosing = true;
      pausing.abort();
      await saving;
      await save();
    },
  };
}

function restore(path: string, { parts, onRestored, onProblem }: StateFileOptions): void {
  const saved = readState(path);
  if (saved === undefined) return;
  const problems = "problem" in saved ? [saved.problem] : restoreParts(saved.parts, parts);
  if (problems.length > 0) {
    return onProblem(path, `is not used, and will be overwritten: ${problems.join("; ")}`);
  }
  if ("ageMs" in saved) onRestored(path, saved.ageMs);
}

/** Restores all parts that were saved. Returns the problems of those that can't be. */
function restoreParts(saved: Readonly<Record<string, unknown>>, parts: StateParts): string[] {
  return Object.entries(parts).flatMap(([name, { restore }]) => {
    const problem = Object.hasOwn(saved, name) ? restore(saved[name]) : undefined;
    return problem === undefined ? [] : [`${name}.${problem}`];
  });
}

/** Returns the members of the file's object as pieces of text. Lets requests go on meanwhile. */
async function piecesOf(parts: StateParts): Promise<readonly string[]> {
  const pieces: string[] = [];
  let startedAt = performance.now();
  for (const [name, { save }] of Object.entries(parts)) {
    pieces.push(`,\n${JSON.stringify(name)}:`);
    for (const piece of save()) {
      pieces.push(piece);
      startedAt = await nextTimeSlice(startedAt, TURN_MS);
    }
  }
  return pieces;
}

function isSame(before: readonly string[], now: readonly string[]): boolean {
  return before.length === now.length && before.every((piece, i) => piece === now[i]);
}
