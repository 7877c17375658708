/** Aborts its signal when a time has passed, or when another signal aborts. */
export interface TimeLimit extends Disposable {
  readonly signal: AbortSignal;
  /** Starts the time anew. */
  restart(ms: number): void;
}

/** Starts a time limit. Disposing aborts the signal too, so that nothing stays open. */
export function startTimeLimit(ms: number, stopping: AbortSignal): TimeLimit {
  const controller = new AbortController();
  const abort = () => controller.abort();
  let timer = setTimeout(abort, ms);
  stopping.addEventListener("abort", abort);
  if (stopping.aborted) abort();
  return {
    signal: controller.signal,
    restart(ms) {
      clearTimeout(timer);
      timer = setTimeout(abort, ms);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      stopping.removeEventListener("abort", abort);
      abort();
    },
  };
}
