/** An event in the life of a router's request that it reports to its peers, in order. */
export type PeerEvent = SentEvent | ComputedEvent | EndedEvent;

/** A request was sent to a server. In a full state, it is in flight. */
export interface SentEvent {
  /** What happened. */
  readonly kind: "sent";
  /** Number of the request, unique among the router's requests in flight. */
  readonly id: number;
  /** The server, by {@linkcode serverHash}. */
  readonly server: number;
  /** Prompt tokens. */
  readonly promptTokens: number;
  /** Prompt tokens that the server has to compute. */
  readonly ownTokens: number;
  /** Whether the router can see its first token. */
  readonly stream: boolean;
  /** Whether it found no free seat. */
  readonly queued: boolean;
  /** Whether its prompt is computed. Only in a full state. */
  readonly computed: boolean;
  /** Milliseconds from when it was sent to its expected first token. */
  readonly expectedMs: number;
  /** Milliseconds since it was sent. */
  readonly ageMs: number;
  /** Hash of its session, if any. */
  readonly session: number | undefined;
  /** The first blocks of its prompt. */
  readonly blocks: readonly number[];
}

/** A request's prompt is computed. */
export interface ComputedEvent {
  /** What happened. */
  readonly kind: "computed";
  /** Number of the request. */
  readonly id: number;
}

/** A request has ended. */
export interface EndedEvent {
  /** What happened. */
  readonly kind: "ended";
  /** Number of the request. */
  readonly id: number;
  /** Blocks of the prompt with its answer appended; none if unknown. */
  readonly blocks: readonly number[];
}

/** The most blocks of a prompt that are sent to peers: about 100,000 tokens. */
export const MOST_TOLD_BLOCKS = 1_024;

/** Returns a hash of a server's URL, of 53 bits, since routers number servers differently. */
export function serverHash(url: string): number {
  let high = 0x811c9dc5;
  let low = 0x1b873593;
  for (let i = 0; i < url.length; i++) {
    const code = url.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
