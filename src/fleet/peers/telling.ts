import type { Estimator } from "../estimate/estimator.ts";
import type { QueuedRequest } from "../estimate/prompt_profile.ts";
import type { Server } from "../state/server.ts";
import { MOST_TOLD_BLOCKS, type PeerEvent, type SentEvent, serverHash } from "./event.ts";

/** Receives events of the router's own requests. */
export type Told = (event: PeerEvent) => void;

/** Reports the router's own requests to peers. */
export interface Telling {
  /** Begins or stops to report. Requests that are in flight at the beginning aren't reported. */
  tellTo(told: Told | undefined): void;
  /** Returns the reported requests that are in flight. */
  inFlight(now: number): SentEvent[];
  /** An estimator that also reports what it records. */
  readonly estimator: Estimator;
}

interface Own {
  readonly id: number;
  readonly server: number;
}

/** Wraps the estimator that does the work. Without peers, it costs one comparison. */
export function createTelling(estimator: Estimator): Telling {
  const own = new Map<QueuedRequest, Own>();
  let told: Told | undefined;
  let lastId = 0;

  const describe = (request: QueuedRequest, { id, server }: Own, now: number): SentEvent => ({
    kind: "sent",
    id,
    server,
    promptTokens: request.promptTokens,
    ownTokens: request.own.tokens,
    stream: request.profile.stream,
    queued: request.queued,
    computed: request.firstAt !== undefined,
    expectedMs: request.expectedAt - request.at,
    ageMs: now - request.at,
    session: request.profile.session,
    blocks: request.profile.blocks.slice(0, MOST_TOLD_BLOCKS),
  });

  function begin(server: Readonly<Server>, request: QueuedRequest, now: number): void {
    const known = { id: ++lastId, server: serverHash(server.config.url) };
    own.set(request, known);
    told?.(describe(request, known, now));
  }

  return {
    tellTo(next) {
      told = next;
      if (!told) own.clear();
    },
    inFlight: (now) => Array.from(own, ([request, known]) => describe(request, known, now)),
    estimator: {
      ...estimator,
      begin(server, profile, prediction, now) {
        const request = estimator.begin(server, profile, prediction, now);
        if (told) begin(server, request, now);
        return request;
      },
      firstToken(server, request, now) {
        const known = told && request.firstAt === undefined ? own.get(request) : undefined;
        estimator.firstToken(server, request, now);
        if (known) told?.({ kind: "computed", id: known.id });
      },
      end(server, request, ended, now) {
        const blocks = estimator.end(server, request, ended, now);
        const known = told && own.get(request);
        if (!known) return blocks;
        own.delete(request);
        told?.({ kind: "ended", id: known.id, blocks: blocks?.slice(0, MOST_TOLD_BLOCKS) ?? [] });
        return blocks;
      },
    },
  };
}
