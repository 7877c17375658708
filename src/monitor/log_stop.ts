import { getLogger } from "@logtape/logtape";

const log = getLogger("router");

/** Logs that the router is stopping and waits for this many requests, for up to `mostMs`. */
export function logStopping(inFlight: number, mostMs: number): void {
  log.info("Stopping: {inFlight} in flight, up to {seconds} s to finish", {
    inFlight,
    seconds: mostMs / 1000,
  });
}

/** Logs how many requests were cut off because they took too long to finish. */
export function logCutOff(inFlight: number): void {
  log.warning("Stopping: {inFlight} in flight cut off", { inFlight });
}
