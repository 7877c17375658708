import type { Fault } from "../../src/simulator/faults/fault.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";

/** Share of requests hit by a fault; including hanging faults, a tenth of all. */
const SHARE = 0.13;
/** A hung request holds its place until the router times out, so fewer of them suffice. */
const HANGING_SHARE = 0.02;

const FAULTS: readonly Fault[] = [
  { kind: "status", status: 500, probability: SHARE },
  { kind: "reset_before_head", probability: SHARE },
  { kind: "hang_before_first_token", probability: HANGING_SHARE },
  { kind: "reset_mid_stream", afterTokens: 1, probability: SHARE },
  { kind: "error_event", probability: SHARE },
  { kind: "idle_reset", probability: SHARE },
  { kind: "truncated", probability: SHARE },
  { kind: "status", status: 503, probability: SHARE },
  { kind: "garbled", probability: SHARE },
  { kind: "hang_mid_stream", afterTokens: 1, probability: HANGING_SHARE },
  { kind: "wrong_length", afterTokens: 1, probability: SHARE },
  { kind: "status", status: 429, probability: SHARE },
  { kind: "hang_before_head", probability: HANGING_SHARE },
];

/** Gives each server a different fault for this step. */
export async function setFaults(simulators: readonly Simulator[], step: number): Promise<void> {
  await Promise.all(
    simulators.map((simulator, index) =>
      simulator.setFault(FAULTS[(step + 3 * index) % FAULTS.length]!)
    ),
  );
}
