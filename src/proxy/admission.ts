import { type ApiError, tooManyRequests } from "../http/api_errors.ts";

/** The limits on what the router accepts. */
export interface AdmissionLimits {
  /** Requests in flight. */
  readonly maxInFlight: number;
  /** Buffered bytes of all requests together. */
  readonly bodyBufferBytes: number;
}

/** Memory reserved for the buffered answers to one request. */
export interface Room {
  /** Reserves this many more bytes; `false` if that exceeds a limit. */
  take(bytes: number): boolean;
  /** Releases the whole reservation. */
  drop(): void;
}

/** Counts requests in flight and buffered bytes, and enforces their limits. */
export interface Admission {
  /** Admits a request; returns an error if too many are in flight. */
  enter(): ApiError | undefined;
  /** Releases what `enter` took. */
  leave(): void;
  /** Whether this many more bytes could be reserved now. */
  hasRoom(bytes: number): boolean;
  /** Reserves this many bytes; `false` if that exceeds the limit. */
  reserve(bytes: number): boolean;
  /** Releases this many reserved bytes. */
  release(bytes: number): void;
  /**
   * Creates the reservation for the answers to one request. All answers together get at most half
   * of the limit: an answer can be passed on unbuffered, a request can't.
   *
   * @param sent settles when the answers are no longer buffered
   */
  roomForAnswers(sent: Promise<unknown>): Room;
}

/** @param limits called on each check, so that a reload takes effect at once */
export function createAdmission(limits: () => AdmissionLimits): Admission {
  let inFlight = 0;
  let buffered = 0;
  /** The share of `buffered` that belongs to answers. */
  let answers = 0;
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
    roomForAnswers(sent) {
      let taken = 0;
      const room: Room = {
        take(bytes) {
          if (!hasRoom(bytes) || 2 * (answers + bytes) > limits().bodyBufferBytes) return false;
          buffered += bytes;
          answers += bytes;
          taken += bytes;
          return true;
        },
        drop() {
          buffered -= taken;
          answers -= taken;
          taken = 0;
        },
      };
      sent.then(room.drop, room.drop);
      return room;
    },
  };
}
