import { basename, dirname } from "node:path";
import { createStream, type RotatingFileStream } from "rotating-file-stream";

/** A log file that is rotated when it is full or a day old; the oldest files are removed. */
export interface LogFile {
  write(text: string): void;
  /**
   * Reopens the file at the path, since another program may have moved the open one. Text written
   * in the meantime goes to the new file. If that can't be opened, the old one stays in use.
   */
  reopen(): Promise<void>;
  /** Flushes and closes the file. */
  close(): Promise<void>;
}

const FULL = "50M";
const AGED = "1d";
const KEPT = 14;

/** Opens a log file for appending. Throws the file system's error if that fails. */
export async function openLogFile(path: string): Promise<LogFile> {
  await tryToOpen(path);
  let stream: RotatingFileStream | undefined = openStream(path);
  /** Text written while no stream is open. */
  let held = "";
  let reopened = Promise.resolve();

  async function reopenNow(): Promise<void> {
    const old = stream!;
    stream = undefined;
    try {
      await tryToOpen(path);
      // The old stream may be rotating, which ends by removing the file at the path.
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

/** Opens the file and closes it again, because a stream would report an error only later. */
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

/** Ends a stream. Resolves when everything is written and the file is closed. */
function ended(stream: RotatingFileStream): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}

function complain(path: string, error: Error): void {
  console.error(`error: ${path}: ${error.message}`);
}
