import { monotonicMs } from "../../util/clock.ts";
import { pause } from "../../util/interval.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import { isVllm } from "../../fleet/state/engine.ts";
import type { Lease } from "../../fleet/lease.ts";
import type { Outcome } from "../../fleet/outcome.ts";
import type { Server } from "../../fleet/state/server.ts";
import type { ClientPool } from "../../http/client_pool.ts";
import type { Ask, RequestContext } from "../attempt/ask.ts";
import type { FirstAnswer } from "../attempt/first_answer.ts";
import { NOBODYS_FAULT } from "../attempt/outcome.ts";
import type { Observer } from "../observer.ts";
import { tellsIds } from "../request/continuable.ts";
import type { ReadRequest } from "../request/read_request.ts";
import type { RequestRecord } from "../request_record.ts";
import { endDetails, isFinal } from "../retry.ts";
import type { RetryBudget } from "../retry_budget.ts";
import { createAskServer, detokenize } from "./ask_server.ts";
import { findIds } from "./by_text/find_ids.ts";
import { cutToSentText } from "./held_text.ts";
import type { KeptStream } from "./kept_stream.ts";
import { modelIn, nextBody, tokensLeft } from "./next_body.ts";
import { createNextLeg } from "./next_leg.ts";
import type { NotContinued } from "./not_continued.ts";
import { canSendText, mayHoldText } from "./refusal.ts";

/** The dependencies of {@linkcode createFinder}. */
export interface ContinuationOptions {
  readonly fleet: Fleet;
  readonly ask: Ask;
  readonly connections: ClientPool;
  readonly retries: RetryBudget;
  readonly observer: Observer;
  readonly cutOff: AbortSignal;
}

/** The rest of a stream, at another server. */
export interface Rest {
  readonly kind: "answer";
  readonly answered: FirstAnswer;
  readonly server: string;
  readonly lease: Lease;
}

/** Finds a server that goes on with a stream which `last` broke off, for this reason. */
export type FindServer = (
  kept: KeptStream,
  last: Readonly<Server>,
  record: RequestRecord,
  reason: Outcome,
) => Promise<Rest | NotContinued | AtLimit>;

/** All tokens had come, as the text turned out to tell. */
type AtLimit = "at_limit";

/** How long a stream waits for a server that can go on with it: all may be restarting. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 100;
/** After this long the same server may go on with it, if it still takes requests. */
const OTHERS_MS = 1_000;

/**
 * How a server ends that a request may have broken. One that gives not even a head was dead before:
 * vLLM sends it before the engine has the request.
 */
const BREAKS: ReadonlySet<Outcome> = new Set(["truncated", "bad_status"]);

/** Servers that ignore the ids of a prompt: they are asked by text. */
const asksText = new WeakSet<Readonly<Server>>();

export function createFinder(
  { fleet, ask, connections, retries, observer, cutOff }: ContinuationOptions,
  { profile }: Pick<ReadRequest, "profile">,
  context: RequestContext,
): FindServer {
  const { id, departure, settings, trace } = context;

  /** Those that can't go on with it: only vLLM continues from token ids. */
  const otherEngines = () =>
    fleet.servers.filter((server) => !isVllm(server)).map((server) => [server, Infinity] as const);

  /** Takes a place at another server, soon if there is none now. */
  async function acquire(tried: Map<Readonly<Server>, number>): Promise<Lease | undefined> {
    for (const since = monotonicMs();;) {
      if (cutOff.aborted || departure.hasLeft) return undefined;
      const passed = new Map([...tried, ...otherEngines()]);
      const lease = fleet.acquire(profile, passed, id, trace?.isSampled);
      if (typeof lease !== "string") return lease;
      const waited = monotonicMs() - since;
      if (lease === "unknown_model" || waited > PATIENCE_MS) return undefined;
      if (waited > OTHERS_MS) tried.clear();
      await pause(LOOK_MS, cutOff);
    }
  }

  /** Asks one server for the rest, or returns why it can't give it. */
  async function askFor(
    kept: KeptStream,
    lease: Lease,
  ): Promise<FirstAnswer | NotContinued | AtLimit> {
    const askServer = createAskServer(connections, lease.server.config);
    if (mayHoldText(kept)) {
      const textOf = (ids: readonly number[]) => detokenize(askServer, modelIn(kept), ids);
      if (!await cutToSentText(kept, textOf)) return "held_text";
    }
    if (!tellsIds(kept.endpoint)) {
      const ids = await findIds(kept, askServer);
      if (ids === "inexact") return ids;
      if (ids === "ignored") return "began_anew";
      if (tokensLeft(kept) <= 0) return "at_limit";
    }
    const byText = asksText.has(lease.server);
    if (byText && !canSendText(kept)) return "began_anew";
    const leg = createNextLeg(kept, nextBody(kept, byText ? "text" : "ids"));
    const answered = await ask(lease, { ...context, leg });
    if (!leg.hasBegunAnew()) return answered;
    if (byText) return "began_anew";
    asksText.add(lease.server);
    return await askFor(kept, lease);
  }

  return async function findServer(kept, last, record, reason) {
    const tried = new Map([[last, monotonicMs()]]);
    let why: NotContinued = "servers_failed";
    const from = record.server!;
    let breaks = 0;
    let failed: { readonly from: string; readonly reason: Outcome } | undefined;
    for (let attempts = 0; attempts <= settings.maxRetries; attempts++) {
      const lease = await acquire(tried);
      if (!lease) return "no_server";
      const { name: server } = lease.server.config;
      if (failed) observer.failover({ id, to: server, ...failed });
      failed = undefined;
      record.attempts++;
      record.lastServer = server;
      let answered: FirstAnswer | NotContinued | AtLimit | undefined;
      try {
        answered = await askFor(kept, lease);
      } finally {
        tried.set(lease.server, monotonicMs());
        if (typeof answered !== "object") lease.end(NOBODYS_FAULT);
      }
      if (answered === "at_limit" || answered === "inexact") return answered;
      if (typeof answered !== "object") {
        why = answered;
        continue;
      }
      if (answered.outcome === "ok" && answered.answer?.isStream) {
        lease.started();
        record.continuations++;
        observer.continued({ id, from, to: server, reason });
        return { kind: "answer", answered, server, lease };
      }
      answered.answer?.rest?.end();
      lease.end(answered.outcome, endDetails(answered, Date.now()));
      failed = { from: server, reason: answered.outcome };
      if (BREAKS.has(answered.outcome) && BREAKS.has(reason) && ++breaks > 1) {
        return "breaks_servers";
      }
      if (answered.outcome === "client_closed") return "client_left";
      if (isFinal(answered)) return "router_stops";
      if (!retries.take()) return "retry_budget";
    }
    return why;
  };
}
