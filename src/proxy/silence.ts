/**
 * Acts when a server stays silent too long. Only time spent listening counts: while the client is
 * slow to take what came, nobody listens. Turning to and from listening costs a store each, since
 * it happens for every chunk; the one timer looks when it fires and waits for what is left.
 */
export interface Silence {
  /** From now on something should be heard. */
  listen(): void;
  /** Something was heard. */
  heard(): void;
  /** Ends the watch. */
  stop(): void;
}

/** @param timeoutMs silence after which `onSilence` is called, once */
export function watchSilence(timeoutMs: number, onSilence: () => void): Silence {
  let since = Infinity;
  const look = () => {
    const left = since === Infinity ? timeoutMs : since + timeoutMs - performance.now();
    if (left > 0) timer = setTimeout(look, Math.ceil(left));
    else onSilence();
  };
  let timer = setTimeout(look, timeoutMs);
  return {
    listen: () => void (since = performance.now()),
    heard: () => void (since = Infinity),
    stop: () => clearTimeout(timer),
  };
}
