import { startTimer, stopTimer } from "../../util/timers.ts";
import type { Output } from "./output.ts";

/** For a client to read some of what is left of its answer. */
const UNREAD_MS = 60_000;

/** Settles when all has been written. `onUnread` is called if the client stops reading. */
export async function whenTaken(output: Output, onUnread: () => void): Promise<void> {
  const stopWatch = watchUnread(output, onUnread);
  await output.ready();
  stopWatch();
}

/**
 * Watches whether a client reads.
 *
 * @param onUnread called once it has read nothing for {@linkcode UNREAD_MS}
 * @returns stops the watch
 */
export function watchUnread(output: Pick<Output, "written">, onUnread: () => void): () => void {
  let before = output.written;
  const check = () => {
    if (output.written === before) return onUnread();
    before = output.written;
    timer = startTimer(check, UNREAD_MS);
  };
  let timer = startTimer(check, UNREAD_MS);
  return () => stopTimer(timer);
}
