import { startTimer, stopTimer, type Timer } from "../util/timers.ts";

/** Lines on their way to stdout. */
export interface LogLines {
  /** @param isUrgent writes it now, with all before it; otherwise within some 40 ms */
  write(line: string, isUrgent: boolean): void;
  /** Writes what is held. */
  flush(): void;
}

/** Text held at most, in characters. */
const MOST_HELD = 64 * 1024;

/** Writes the lines of many requests at once: a write for each would cost as much as its line. */
export function createLogLines(): LogLines {
  let held = "";
  let timer: Timer | undefined;

  function flush(): void {
    stopTimer(timer);
    timer = undefined;
    if (held === "") return;
    console.log(held);
    held = "";
  }
  // The process may end by `Deno.exit`.
  globalThis.addEventListener("unload", flush);

  return {
    write(line, isUrgent) {
      held = held === "" ? line : `${held}\n${line}`;
      if (isUrgent || held.length > MOST_HELD) flush();
      else timer ??= startTimer(flush, 0);
    },
    flush,
  };
}
