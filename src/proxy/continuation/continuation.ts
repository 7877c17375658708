import type { Lease } from "../../fleet/lease.ts";
import { isLeaving } from "../../fleet/state/hand_over.ts";
import type { Server } from "../../fleet/state/server.ts";
import type { RequestContext } from "../attempt/ask.ts";
import type { FirstAnswer } from "../attempt/first_answer.ts";
import type { ReadRequest } from "../request/read_request.ts";
import type { RequestRecord } from "../request_record.ts";
import type { Ended } from "../response/respond.ts";
import { costsRetry, isFinal } from "../retry.ts";
import { type ContinuationOptions, createFinder, type Rest } from "./find_server.ts";
import type { FirstLeg } from "./first_leg.ts";
import type { KeptStream } from "./kept_stream.ts";
import { lastEvents } from "./last_events.ts";
import { isBackground, tokensLeft } from "./next_body.ts";
import type { NotContinued } from "./not_continued.ts";
import { createReread } from "./reread.ts";
import { isOnlyText, whyNot } from "./refusal.ts";

/** What follows on a stream that broke off. */
export type Next =
  | Rest
  /** Only these last events were missing. */
  | { readonly kind: "end"; readonly events: Uint8Array<ArrayBuffer> };

/** Lets a stream outlive its server (issue 17). */
export interface Continuation {
  /** A server's answer is about to be passed on. Returns what to call at its end. */
  begun(lease: Lease, answered: FirstAnswer): () => void;
  /** Something is kept of the stream. */
  isPossible(): boolean;
  /** The text of the stream so far, as it stands in JSON; `undefined` if there is more than text. */
  text(): Uint8Array | undefined;
  /** Finds the rest of a stream that broke off; `undefined` if it ends there. */
  next(ended: Ended, record: RequestRecord): Promise<Next | undefined>;
  /** Keeps nothing of the stream any more. */
  drop(): void;
}

/** A stream that breaks a second server before it has gone on so far may break any. */
const FEW_TOKENS = 2;

/** Creates the continuation of one stream. */
export function createContinuation(
  options: ContinuationOptions,
  read: Pick<ReadRequest, "profile">,
  context: RequestContext,
  leg: FirstLeg,
): Continuation {
  const { fleet, retries, observer } = options;
  const { departure, settings } = context;
  const findServer = createFinder(options, read, context);
  const reread = createReread(options, read, context);
  let last: Readonly<Server> | undefined;
  let count = 0;
  let tokensBefore = 0;
  /** The server before the last one broke, too. */
  let hasBroken = false;

  /** Whether the stream may be the reason why its servers break. */
  function breaksServers({ broken }: Ended, kept: KeptStream): boolean {
    const isServers = broken!.expired === undefined;
    const isRepeated = hasBroken && isServers && kept.allTokens - tokensBefore < FEW_TOKENS;
    hasBroken = isServers;
    return isRepeated;
  }

  async function decide(ended: Ended, record: RequestRecord): Promise<Next | NotContinued> {
    const kept = leg.kept();
    if (!kept || !last) return leg.refused() ?? "no_ids";
    if (isFinal(ended)) return "router_stops";
    if (departure.hasLeft) return "client_left";
    if (isBackground(kept) && !kept.hasFinished) return await rereadAt(kept, last, ended, record);
    const why = whyNot(kept);
    if (why) return why;
    if (kept.hasFinished || (kept.promptIds && tokensLeft(kept) <= 0)) return end(kept);
    if (count >= settings.maxContinuations) return "too_many";
    if (breaksServers(ended, kept)) return "breaks_servers";
    if (costsRetry(ended) && !retries.take()) return "retry_budget";
    count++;
    kept.cut();
    tokensBefore = kept.sentTokens;
    const found = await findServer(kept, last, record, ended.outcome);
    return found === "at_limit" ? end(kept) : found;
  }

  async function rereadAt(
    kept: KeptStream,
    server: Readonly<Server>,
    ended: Ended,
    record: RequestRecord,
  ): Promise<Next | NotContinued> {
    if (kept.isLost || kept.opening.length === 0) return "no_ids";
    if (count >= settings.maxContinuations) return "too_many";
    if (costsRetry(ended) && !retries.take()) return "retry_budget";
    count++;
    kept.cut();
    return await reread(kept, server, record, ended.outcome);
  }

  const end = (kept: KeptStream): Next => ({ kind: "end", events: lastEvents(kept) });

  return {
    begun(lease, { answer }) {
      last = lease.server;
      const attempt = answer?.rest;
      const kept = leg.kept();
      if (!attempt || !kept) return () => {};
      const leave = () => {
        // Another server that is leaving would soon hand the stream over again.
        const leaving = fleet.servers.filter(isLeaving).map((one) => [one, Infinity] as const);
        const isElsewhere = fleet.canServe(read.profile.model, new Map(leaving));
        if (isElsewhere && count < settings.maxContinuations && !whyNot(kept)) {
          attempt.handOver();
        }
      };
      lease.handOvers.add(leave);
      return () => void lease.handOvers.delete(leave);
    },
    isPossible: () => leg.kept() !== undefined,
    text() {
      const kept = leg.kept();
      return kept && isOnlyText(kept) ? kept.writtenText() : undefined;
    },
    async next(ended, record) {
      const next = await decide(ended, record);
      if (typeof next === "object") return next;
      observer.notContinued(next);
      return undefined;
    },
    drop: () => leg.drop(),
  };
}
