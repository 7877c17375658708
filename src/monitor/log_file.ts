import { basename, dirname } from "node:path";
import { createStream } from "rotating-file-stream";

/** A file that keeps its size: full or a day old, it is put aside, and the oldest are removed. */
export interface LogFile {
  write(text: string): void;
  /** Writes out what is on its way. */
  close(): Promise<void>;
}

const FULL = "50M";
const AGED = "1d";
const KEPT = 14;

/** Opens a log file for appending. Throws what the file system throws. */
export async function openLogFile(path: string): Promise<LogFile> {
  await Deno.mkdir(dirname(path), { recursive: true });
  // Asked first, since the stream would tell only later.
  (await Deno.open(path, { append: true, create: true })).close();
  const stream = createStream(basename(path), {
    path: dirname(path),
    size: FULL,
    interval: AGED,
    maxFiles: KEPT,
    compress: "gzip",
  });
  // A full disk must not stop the router.
  stream.on("error", (error) => console.error(`error: ${path}: ${error.message}`));
  return {
    write: (text) => void stream.write(text),
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}
