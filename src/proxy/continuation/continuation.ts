import { monotonicMs } from "../../util/clock.ts";
import { pause } from "../../util/interval.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Lease } from "../../fleet/lease.ts";
import type { Server } from "../../fleet/state/server.ts";
import type { ClientPool } from "../../http/client_pool.ts";
import type { Ask, RequestContext } from "../attempt/ask.ts";
import type { FirstAnswer } from "../attempt/first_answer.ts";
import { NOBODYS_FAULT } from "../attempt/outcome.ts";
import type { Observer } from "../observer.ts";
import type { ReadRequest } from "../request/read_request.ts";
import type { RequestRecord } from "../request_record.ts";
import type { Ended } from "../response/respond.ts";
import { costsRetry, endDetails, isFinal } from "../retry.ts";
import type { RetryBudget } from "../retry_budget.ts";
import { detokenize } from "./detokenize.ts";
import type { FirstLeg } from "./first_leg.ts";
import { cutToSentText } from "./held_text.ts";
import type { KeptStream } from "./kept_stream.ts";
import { lastEvents } from "./last_events.ts";
import { modelIn, nextBody, tokensLeft } from "./next_body.ts";
import { createNextLeg } from "./next_leg.ts";
import { canSendText, mayHoldText, type NotContinued, whyNot } from "./refusal.ts";

/** What follows on a stream that broke off. */
export type Next =
  /** Another server goes on with it. */
  | {
    readonly kind: "answer";
    readonly answered: FirstAnswer;
    readonly server: string;
    readonly lease: Lease;
  }
  /** Only these last events were missing. */
  | { readonly kind: "end"; readonly events: Uint8Array<ArrayBuffer> };

/** Lets a stream outlive its server (issue 17). */
export interface Continuation {
  /** A server's answer is about to be passed on. Returns what to call at its end. */
  begun(lease: Lease, answered: FirstAnswer): () => void;
  /** Something is kept of the stream. */
  isPossible(): boolean;
  /** Finds the rest of a stream that broke off; `undefined` if it ends there. */
  next(ended: Ended, record: RequestRecord): Promise<Next | undefined>;
  /** Keeps nothing of the stream any more. */
  drop(): void;
}

/** The dependencies of {@linkcode createContinuation}. */
export interface ContinuationOptions {
  readonly fleet: Fleet;
  readonly ask: Ask;
  readonly connections: ClientPool;
  readonly retries: RetryBudget;
  readonly observer: Observer;
  readonly cutOff: AbortSignal;
}

/** How long a stream waits for a server that can go on with it: all may be restarting. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 100;
/** After this long the same server may go on with it, if it still takes requests. */
const OTHERS_MS = 1_000;
/** A stream that breaks a second server this soon may break any. */
const FEW_TOKENS = 16;

/** Servers that ignore the ids of a prompt: they are asked by text. */
const asksText = new WeakSet<Readonly<Server>>();

/** Creates the continuation of one stream. */
export function createContinuation(
  { fleet, ask, connections, retries, observer, cutOff }: ContinuationOptions,
  { profile }: Pick<ReadRequest, "profile">,
  context: RequestContext,
  leg: FirstLeg,
): Continuation {
  const { id, departure, settings } = context;
  let lastServer: Readonly<Server> | undefined;
  let count = 0;
  let tokensBefore = 0;

  /** Takes a place at another server, soon if there is none now. */
  async function acquire(tried: Map<Readonly<Server>, number>): Promise<Lease | undefined> {
    for (const since = monotonicMs();;) {
      if (cutOff.aborted || departure.hasLeft) return undefined;
      const lease = fleet.acquire(profile, tried, id);
      if (typeof lease !== "string") return lease;
      const waited = monotonicMs() - since;
      if (lease === "unknown_model" || waited > PATIENCE_MS) return undefined;
      if (waited > OTHERS_MS) tried.clear();
      await pause(LOOK_MS, cutOff);
    }
  }

  /** Asks one server for the rest. `false`: it can't give it, and isn't to blame. */
  async function askFor(kept: KeptStream, lease: Lease): Promise<FirstAnswer | false> {
    const { config } = lease.server;
    if (mayHoldText(kept)) {
      const isCut = await cutToSentText(
        kept,
        (ids) => detokenize(connections, config, modelIn(kept), ids),
      );
      if (!isCut) return false;
    }
    const byText = asksText.has(lease.server);
    if (byText && !canSendText(kept)) return false;
    const next = createNextLeg(kept, nextBody(kept, byText ? "text" : "ids"));
    const answered = await ask(lease, { ...context, leg: next });
    if (!next.hasBegunAnew()) return answered;
    if (byText) return false;
    asksText.add(lease.server);
    return await askFor(kept, lease);
  }

  async function find(kept: KeptStream, record: RequestRecord): Promise<Next | NotContinued> {
    const tried = new Map<Readonly<Server>, number>();
    if (lastServer) tried.set(lastServer, monotonicMs());
    for (let attempts = 0; attempts <= settings.maxRetries; attempts++) {
      const lease = await acquire(tried);
      if (!lease) return "no_server";
      const from = record.server!;
      const { name: server } = lease.server.config;
      record.attempts++;
      record.lastServer = server;
      let answered: FirstAnswer | false = false;
      try {
        answered = await askFor(kept, lease);
      } finally {
        tried.set(lease.server, monotonicMs());
        if (!answered) lease.end(NOBODYS_FAULT);
      }
      if (answered && answered.outcome === "ok" && answered.answer?.isStream) {
        lease.started();
        record.continuations++;
        observer.continued({ id, from, to: server });
        return { kind: "answer", answered, server, lease };
      }
      if (!answered) continue;
      answered.answer?.rest?.end();
      lease.end(answered.outcome, endDetails(answered, Date.now()));
      if (answered.outcome === "client_closed") return "client_left";
      if (isFinal(answered)) return "router_stops";
      if (!retries.take()) return "retry_budget";
    }
    return "servers_failed";
  }

  /** Whether the stream may be the reason why its servers break. */
  function breaksServers({ broken }: Ended, kept: KeptStream): boolean {
    const isServers = broken!.expired === undefined;
    return count > 0 && isServers && kept.allTokens - tokensBefore < FEW_TOKENS;
  }

  async function decide(ended: Ended, record: RequestRecord): Promise<Next | NotContinued> {
    const kept = leg.kept();
    if (!kept) return leg.refused() ?? "no_ids";
    if (isFinal(ended)) return "router_stops";
    if (departure.hasLeft) return "client_left";
    const why = whyNot(kept);
    if (why) return why;
    if (kept.hasFinished || tokensLeft(kept) <= 0) {
      return { kind: "end", events: lastEvents(kept) };
    }
    if (count >= settings.maxContinuations) return "too_many";
    if (breaksServers(ended, kept)) return "breaks_servers";
    if (costsRetry(ended) && !retries.take()) return "retry_budget";
    count++;
    kept.cut();
    tokensBefore = kept.sentTokens;
    return await find(kept, record);
  }

  return {
    begun(lease, { answer }) {
      lastServer = lease.server;
      const attempt = answer?.rest;
      const kept = leg.kept();
      if (!attempt || !kept) return () => {};
      const leave = () => {
        const others = new Map([[lease.server, monotonicMs()]]);
        const isElsewhere = fleet.canServe(profile.model, others);
        if (isElsewhere && count < settings.maxContinuations && !whyNot(kept)) {
          attempt.handOver();
        }
      };
      lease.handOvers.add(leave);
      return () => void lease.handOvers.delete(leave);
    },
    async next(ended, record) {
      const next = await decide(ended, record);
      if (typeof next === "object") return next;
      observer.notContinued(next);
      return undefined;
    },
    isPossible: () => leg.kept() !== undefined,
    drop: () => leg.drop(),
  };
}
