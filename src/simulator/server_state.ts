import type { Engine } from "./engine.ts";
import type { FaultSwitch } from "./fault_switch.ts";

/** What the requests of a simulator share. */
export interface ServerState {
  readonly models: readonly string[];
  readonly maxModelLen: number;
  readonly maxQueued: number;
  readonly seed: number;
  readonly engine: Engine;
  readonly faults: FaultSwitch;
  readonly counts: {
    received: number;
    finished: number;
    aborted: number;
    failed: number;
    /** Inference requests not yet answered to their end. */
    open: number;
  };
  /** Answers that can be asked for again, by id. */
  readonly storedResponses: Map<string, unknown>;
  /** A fresh id of 32 hexadecimal digits. */
  createId(): string;
}
