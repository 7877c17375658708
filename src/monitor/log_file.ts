import { basename, dirname } from "node:path";
import { createStream, type RotatingFileStream } from "rotating-file-stream";

/** A file that keeps its size: full or a day old, it is put aside, and the oldest are removed. */
export interface LogFile {
  write(text: string): void;
  /**
   * Opens the file at the path anew, since another program may have moved the one that is open.
   * What is written meanwhile goes to the new one. Where it can't be opened, the old one stays.
   */
  reopen(): Promise<void>;
  /** Writes out what is on its way. */
  close(): Promise<void>;
}

const FULL = "50M";
const AGED = "1d";
const KEPT = 14;

/** Opens a log file for appending. Throws what the file system throws. */
export async function openLogFile(path: string): Promise<LogFile> {
  await tryToOpen(path);
  let stream: RotatingFileStream | undefined = openStream(path);
  /** Written while no stream is open. */
  let held = "";
  let reopened = Promise.resolve();

  async function reopenNow(): Promise<void> {
    const old = stream!;
    stream = undefined;
    try {
      await tryToOpen(path);
      // The old one may be putting the file aside, which ends with the removal of what is there.
      await ended(old);
      stream = openStream(path);
    } catch (error) {
      complain(path, error as Error);
      stream = old;
    }
    if (held !== "") stream.write(held);
    held = "";
  }

  return {
    write(text) {
      if (stream) stream.write(text);
      else held += text;
    },
    reopen: () => reopened = reopened.then(reopenNow),
    async close() {
      await reopened;
      await ended(stream!);
    },
  };
}

/** Asked first, since a stream would tell only later. */
async function tryToOpen(path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  (await Deno.open(path, { append: true, create: true })).close();
}

function openStream(path: string): RotatingFileStream {
  const stream = createStream(basename(path), {
    path: dirname(path),
    size: FULL,
    interval: AGED,
    maxFiles: KEPT,
    compress: "gzip",
  });
  // A full disk must not stop the router.
  return stream.on("error", (error) => complain(path, error));
}

/** Resolves when what was written is in the file and the file is closed. */
function ended(stream: RotatingFileStream): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}

function complain(path: string, error: Error): void {
  console.error(`error: ${path}: ${error.message}`);
}
