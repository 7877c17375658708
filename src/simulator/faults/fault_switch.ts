import type { Fault, RequestFault } from "./fault.ts";
import { isRequestFault } from "./fault_text.ts";
import type { Random } from "../random.ts";

/** Holds the current fault and decides at random which requests it hits. */
export class FaultSwitch {
  #current: Fault | null = null;
  #strikesLeft = Infinity;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  get current(): Fault | null {
    return this.#current;
  }

  set(fault: Fault | null): void {
    this.#current = fault;
    this.#strikesLeft = fault !== null && isRequestFault(fault)
      ? fault.times ?? Infinity
      : Infinity;
  }

  /**
   * Returns the fault that hits the current request, or null.
   *
   * @param reused whether the connection has carried another request before
   */
  strike(reused: boolean): RequestFault | null {
    const fault = this.#current;
    if (fault === null || !isRequestFault(fault)) return null;
    if (fault.kind === "idle_reset" && !reused) return null;
    const { probability = 1 } = fault;
    if (probability < 1 && this.#random() >= probability) return null;
    this.#strikesLeft--;
    if (this.#strikesLeft === 0) this.#current = null;
    return fault;
  }
}
