import { getLogger } from "@logtape/logtape";

const log = getLogger("router");

/** The router was told to stop, and waits for so many requests. */
export function logStopping(inFlight: number, mostMs: number): void {
  log.info("Stopping: {inFlight} in flight, up to {seconds} s to finish", {
    inFlight,
    seconds: mostMs / 1000,
  });
}

/** So many requests took too long to finish. */
export function logCutOff(inFlight: number): void {
  log.warning("Stopping: {inFlight} in flight cut off", { inFlight });
}
