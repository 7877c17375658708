import { type ApiError, tooManyRequests } from "./errors.ts";

/** What the router may have on its hands. */
export interface AdmissionLimits {
  /** Requests in flight. */
  readonly maxInFlight: number;
  /** Bytes that are held for all requests together. */
  readonly bodyBufferBytes: number;
}

/** Counts what the router has on its hands, and says when it is enough. */
export interface Admission {
  /** Takes a request in; an error where there are too many. */
  enter(): ApiError | undefined;
  /** Gives back what `enter` took. */
  leave(): void;
  /** Whether so many bytes more could be held now. */
  hasRoom(bytes: number): boolean;
  /** Takes room for bytes that are held; `false` where there isn't so much left. */
  reserve(bytes: number): boolean;
  /** Gives room back. */
  release(bytes: number): void;
}

/** @param limits asked each time, so that a reload counts at once */
export function createAdmission(limits: () => AdmissionLimits): Admission {
  let inFlight = 0;
  let buffered = 0;
  const hasRoom = (bytes: number) => buffered + bytes <= limits().bodyBufferBytes;
  return {
    enter() {
      const { maxInFlight } = limits();
      if (inFlight >= maxInFlight) return tooManyRequests(maxInFlight);
      inFlight++;
      return undefined;
    },
    leave: () => void inFlight--,
    hasRoom,
    reserve(bytes) {
      if (!hasRoom(bytes)) return false;
      buffered += bytes;
      return true;
    },
    release: (bytes) => void (buffered -= bytes),
  };
}
