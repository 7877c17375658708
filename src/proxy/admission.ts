import { type ApiError, tooManyRequests } from "../http/api_errors.ts";

/** What the router may have on its hands. */
export interface AdmissionLimits {
  /** Requests in flight. */
  readonly maxInFlight: number;
  /** Bytes that are held for all requests together. */
  readonly bodyBufferBytes: number;
}

/** What one request holds of the answers to it. */
export interface Room {
  /** Takes room for bytes more; `false` where there isn't so much left. */
  take(bytes: number): boolean;
  /** Gives all of it back. */
  drop(): void;
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
  /**
   * Room for the answers to one request. All answers together take at most half of what there is:
   * one can be passed on without being held, and a request can't.
   *
   * @param sent settles when they aren't held any more
   */
  roomForAnswers(sent: Promise<unknown>): Room;
}

/** @param limits asked each time, so that a reload counts at once */
export function createAdmission(limits: () => AdmissionLimits): Admission {
  let inFlight = 0;
  let buffered = 0;
  /** How much of it is for answers. */
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
