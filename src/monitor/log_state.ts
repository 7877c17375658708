import { getLogger } from "@logtape/logtape";
import type { Listener } from "./listener.ts";

const log = getLogger("router");

/** Logs that the router goes on with what it had learned this long ago. */
export function logStateRestored(path: string, ageMs: number): void {
  const seconds = Math.round(ageMs / 1000);
  log.info("Restored what was learned from {path}, written {seconds} s ago", { path, seconds });
}

/** Warns that what was learned is lost, or will be. */
export const stateLog: Partial<Listener> = {
  stateFileProblem(path, problem) {
    log.warning("The state file {path} {problem}", { path, problem });
  },
};
