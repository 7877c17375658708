import { type SentEvent, serverHash } from "../../src/fleet/peers/event.ts";

/** A streamed prompt of 1,000 uncached tokens, just sent to `http://a`. */
export function sentEventOf(known: Partial<SentEvent> = {}): SentEvent {
  return {
    kind: "sent",
    id: 1,
    server: serverHash("http://a"),
    promptTokens: 1_000,
    ownTokens: 1_000,
    stream: true,
    queued: false,
    computed: false,
    expectedMs: 1_000,
    ageMs: 0,
    session: undefined,
    blocks: [],
    ...known,
  };
}
