import { dirname } from "node:path";
import { unreadable } from "../../config/file/load.ts";
import { watchFoldersOf } from "../../config/file/watch.ts";
import type { Discovery, ServerFiles } from "../../config/discovery.ts";
import { repeat } from "../../util/interval.ts";
import { oneReason } from "../one_reason.ts";
import type { DiscoveredServer, StartSource } from "../source.ts";
import { parseFileSd } from "./file_sd.ts";
import { listFiles } from "./list_files.ts";

/** Interval of the poll that backs up the watch. */
const POLL_MS = 30_000;
/** Most files of one source. */
const MOST_FILES = 1_000;
/** Largest file in bytes. */
const MOST_BYTES = 1024 * 1024;

/** A file as last read. */
interface Known {
  /** Its content; `undefined` if it could not be read. */
  readonly text: string | undefined;
  /** Its servers when it was last valid; `undefined` if it never was. */
  readonly servers: readonly DiscoveredServer[] | undefined;
  /** What is wrong with it now. */
  readonly problem: string | undefined;
}

const NEW: Known = { text: undefined, servers: undefined, problem: undefined };

/** Reads files of Prometheus' `file_sd` whenever they change. */
export function startFiles(
  { patterns }: ServerFiles,
  entry: Pick<Discovery, "scheme" | "defaults">,
): StartSource {
  return ({ onServers, onFailure }) => {
    const stopping = new AbortController();
    let files = new Map<string, Known>();

    async function read(): Promise<void> {
      const { signal } = stopping;
      if (!signal.aborted) watch.renew();
      const { paths, problems } = await pathsOf(patterns, [...files.keys()]);
      const now = new Map<string, Known>();
      for (const path of paths) {
        const file = await readFile(path, files.get(path) ?? NEW);
        if (file) now.set(path, file);
      }
      if (signal.aborted) return;
      files = now;
      watch.renew();
      report(problems);
    }

    function report(ofFolders: readonly string[]): void {
      const reason = oneReason([
        ...ofFolders,
        ...[...files].flatMap(([path, { problem }]) => problem ? [`${path}: ${problem}`] : []),
      ]);
      const known = [...files.values()].flatMap(({ servers }) => servers ? [servers] : []);
      if (known.length > 0 || reason === undefined) onServers(known.flat());
      if (reason !== undefined) onFailure(reason);
    }

    /** Returns what a file says now, or `undefined` if it is gone. */
    async function readFile(path: string, before: Known): Promise<Known | undefined> {
      let text: string;
      try {
        const { isFile, size } = await Deno.stat(path);
        if (!isFile) return { ...before, text: undefined, problem: "expected a file" };
        if (size > MOST_BYTES) {
          const problem = `expected at most ${MOST_BYTES} bytes, got ${size}`;
          return { ...before, text: undefined, problem };
        }
        text = await Deno.readTextFile(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        return { ...before, text: undefined, problem: unreadable(error) };
      }
      if (text === before.text) return before;
      const parsed = parseFileSd(text, !path.toLowerCase().endsWith(".json"), entry);
      return "problem" in parsed
        ? { text, servers: before.servers, problem: parsed.problem }
        : { text, servers: parsed.servers, problem: undefined };
    }

    // Reads are serialised so that older contents never replace newer ones.
    let last: Promise<void> = Promise.resolve();
    const look = () => last = last.then(read).catch((error) => onFailure(unreadable(error)));
    const watch = watchFoldersOf(() => [...patterns, ...files.keys()], () => void look());
    const ended = repeat(look, () => POLL_MS, stopping.signal);
    return {
      async stop() {
        stopping.abort();
        watch.stop();
        await ended;
        await last;
      },
    };
  };
}

/** Returns the files that match. If a folder can't be listed, or too many match, keeps those known. */
async function pathsOf(patterns: readonly string[], known: readonly string[]) {
  const paths = new Set<string>();
  const problems: string[] = [];
  for (const pattern of patterns) {
    const found = await listFiles(pattern);
    if ("problem" in found) problems.push(found.problem);
    const kept = known.filter((path) => dirname(path) === dirname(pattern));
    for (const path of "problem" in found ? kept : found.paths) paths.add(path);
  }
  if (paths.size <= MOST_FILES) return { paths: [...paths], problems };
  problems.push(`${paths.size} files match, expected at most ${MOST_FILES}`);
  return { paths: known.length > 0 ? known : [...paths].slice(0, MOST_FILES), problems };
}
