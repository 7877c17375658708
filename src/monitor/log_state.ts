import { getLogger } from "@logtape/logtape";

const log = getLogger("router");

/** Logs that the router goes on with what it had learned. */
export function logStateRestored(path: string, ageMs: number): void {
  log.info("Restored what was learned from {path}, written {seconds} s ago", {
    path,
    seconds: Math.round(ageMs / 1000),
  });
}

/** Warns that the router starts without what it had learned. */
export function logStateNotRead(path: string, reason: string): void {
  log.warning("The state file {path} is not used, and will be overwritten: {reason}", {
    path,
    reason,
  });
}

/** Warns that the next start will be without what was learned. Logged once per reason. */
export function logStateNotWritten(path: string, reason: string): void {
  log.warning("The state file {path} can't be written: {reason}", { path, reason });
}
