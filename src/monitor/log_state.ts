import { getLogger } from "@logtape/logtape";

const log = getLogger("router");

/** What is reported of a state file. */
export interface StateLog {
  /** The router goes on with what it had learned this long ago. */
  restored(path: string, ageMs: number): void;
  /** The router starts without what it had learned. */
  notRead(path: string, reason: string): void;
  /** The next start may be without what was learned. Called once per reason. */
  notWritten(path: string, reason: string): void;
}

/** Writes these as lines of the log. */
export const stateLog: StateLog = {
  restored(path, ageMs) {
    const seconds = Math.round(ageMs / 1000);
    log.info("Restored what was learned from {path}, written {seconds} s ago", { path, seconds });
  },
  notRead(path, reason) {
    log.warning("The state file {path} is not used, and will be overwritten: {reason}", {
      path,
      reason,
    });
  },
  notWritten(path, reason) {
    log.warning("The state file {path} can't be written: {reason}", { path, reason });
  },
};
