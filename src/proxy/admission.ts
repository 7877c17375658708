import { type ApiError, tooManyRequests } from "./errors.ts";

/** What the router may have on its hands. */
export interface AdmissionLimits {
  /** Requests in flight. */
  readonly maxInFlight: number;
  /** Bytes of request bodies, over all requests that hold one. */
  readonly bodyBufferBytes: number;
}

/** Counts what the router has on its hands, and says when it is enough. */
export interface Admission {
  /** Takes a request in; an error where there are too many. */
  enter(): ApiError | undefined;
  /** Gives back what `enter` took. */
  leave(): void;
  /** Takes room for bytes of a body; `false` where there isn't so much left. */
  reserve(bytes: number): boolean;
  /** Gives room back. */
  release(bytes: number): void;
}

/** @param limits asked each time, so that a reload counts at once */
export function createAdmission(limits: () => AdmissionLimits): Admission {
  let inFlight = 0;
  let buffered = 0;
  return {
    enter() {
      const { maxInFlight } = limits();
      if (inFlight >= maxInFlight) return tooManyRequests(maxInFlight);
      inFlight++;
      return undefined;
    },
    leave: () => void inFlight--,
    reserve(bytes) {
      if (buffered + bytes > limits().bodyBufferBytes) return false;
      buffered += bytes;
      return true;
    },
    release: (bytes) => void (buffered -= bytes),
  };
}
