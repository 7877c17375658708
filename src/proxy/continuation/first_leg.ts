import { isVllm } from "../../fleet/state/engine.ts";
import type { Leg } from "../attempt/ask.ts";
import { type Continuable, tellsIds } from "../request/continuable.ts";
import type { Refused } from "./not_continued.ts";
import type { KeepBudget } from "./keep_budget.ts";
import { keepText } from "./by_text/keep_text.ts";
import { keepEvents } from "./keep_events.ts";
import { KeptStream } from "./kept_stream.ts";
import { type Convert, tapEvents } from "../sse/tap_events.ts";

/** What is sent to the first server of a stream. */
export interface FirstLeg extends Leg {
  /** What is kept of the answer, `undefined` if nothing is. */
  kept(): KeptStream | undefined;
  /** Why nothing is kept, if the request is the reason. */
  refused(): Refused | undefined;
  drop(): void;
}

const ASKED = new TextEncoder().encode(',"return_token_ids":true}');
const CLOSE_OBJECT = 0x7d;

/**
 * Asks for token ids and keeps them, if the stream can be continued and its server is vLLM. Another
 * engine may refuse an option that it doesn't know: it gets the client's body, and nothing is kept.
 */
export function createFirstLeg(
  body: Uint8Array<ArrayBuffer>,
  continuable: Continuable,
  budget: KeepBudget,
): FirstLeg {
  if ("refused" in continuable) {
    const { refused } = continuable;
    return {
      bodyFor: () => body,
      tap: (upstream) => upstream,
      kept: () => undefined,
      refused: () => refused,
      drop() {},
    };
  }
  const { endpoint, asksIds } = continuable;
  let kept: KeptStream | undefined;
  const drop = () => {
    kept?.drop();
    kept = undefined;
  };
  return {
    bodyFor: (server) => tellsIds(endpoint) && isVllm(server) ? withIds(body) : body,
    tap(upstream, server) {
      drop();
      if (!isVllm(server)) return upstream;
      const stream = kept = new KeptStream(endpoint, asksIds, body, budget);
      return tapEvents(upstream, keeping(stream), () => stream.drop());
    },
    kept: () => kept,
    refused: () => undefined,
    drop,
  };
}

/** Returns what keeps the events of a stream. */
export function keeping(stream: KeptStream): Convert {
  const { endpoint } = stream;
  return tellsIds(endpoint)
    ? (events) => keepEvents(stream, events)
    : (events) => keepText(stream, endpoint, events);
}

/** Adds the option at the end, where it counts even if the client has set it otherwise. */
function withIds(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const end = body.lastIndexOf(CLOSE_OBJECT);
  const asked = new Uint8Array(end + ASKED.length);
  asked.set(body.subarray(0, end));
  asked.set(ASKED, end);
  return asked;
}
