/**
 * Aborts when nothing has been heard for a while. Marking a sign of life is one store, since it
 * happens for every chunk: the one timer looks at the mark when it fires and waits for the rest.
 */
export interface Silence {
  /** Something was heard. */
  heard(): void;
  /** Ends the watch. */
  stop(): void;
}

export function watchSilence(
  timeoutMs: number,
  onSilence: () => void,
): Silence {
  let heardAt = performance.now();
  const look = () => {
    const left = heardAt + timeoutMs - performance.now();
    if (left > 0) timer = setTimeout(look, Math.ceil(left));
    else onSilence();
  };
  let timer = setTimeout(look, timeoutMs);
  return {
    heard: () => void (heardAt = performance.now()),
    stop: () => clearTimeout(timer),
  };
}
