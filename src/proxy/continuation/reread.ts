import { monotonicMs } from "../../util/clock.ts";
import { pause } from "../../util/interval.ts";
import type { Leg, RequestContext } from "../attempt/ask.ts";
import { NOBODYS_FAULT } from "../attempt/outcome.ts";
import type { ReadRequest } from "../request/read_request.ts";
import { endDetails } from "../retry.ts";
import { tapEvents } from "../sse/tap_events.ts";
import type { ContinuationOptions, FindServer, Rest } from "./find_server.ts";
import { keeping } from "./first_leg.ts";
import type { KeptStream } from "./kept_stream.ts";
import { responseIdOf } from "./next_body.ts";
import type { NotContinued } from "./not_continued.ts";

/** How long a stream waits for its server to be reachable again. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 100;

/**
 * Reads a response in the background again, from the event after the last one on. Its server has gone
 * on with it by itself; no other server can.
 */
export function createReread(
  { fleet, ask, observer, cutOff }: ContinuationOptions,
  { profile }: Pick<ReadRequest, "profile">,
  context: RequestContext,
): (...given: Parameters<FindServer>) => Promise<Rest | NotContinued> {
  const { id, departure, trace } = context;

  return async function reread(kept, server, record, reason) {
    const since = monotonicMs();
    const others = () =>
      new Map(fleet.servers.filter((other) => other !== server).map((other) => [other, Infinity]));
    const from = server.config.name;
    while (monotonicMs() - since < PATIENCE_MS) {
      if (cutOff.aborted) return "router_stops";
      if (departure.hasLeft) return "client_left";
      const lease = fleet.acquire(profile, others(), id, trace?.isSampled);
      if (typeof lease !== "string") {
        record.attempts++;
        record.lastServer = from;
        const path = `/v1/responses/${responseIdOf(kept)}?stream=true&starting_after=` +
          (kept.events - 1);
        const again = { method: "GET", path, leg: legOf(kept), rewrite: undefined } as const;
        const answered = await ask(lease, { ...context, ...again }).catch((defect) => {
          lease.end(NOBODYS_FAULT);
          throw defect;
        });
        if (answered.outcome === "ok" && answered.answer?.isStream) {
          lease.started();
          record.continuations++;
          observer.continued({ id, from, to: from, reason });
          return { kind: "answer", answered, server: from, lease };
        }
        answered.answer?.rest?.end();
        lease.end(answered.outcome, endDetails(answered, Date.now()));
        // It has been started anew, and has forgotten the response.
        if (answered.outcome === "client_error") return "servers_failed";
      }
      await pause(LOOK_MS, cutOff);
    }
    return "no_server";
  };
}

function legOf(kept: KeptStream): Leg {
  return {
    bodyFor: () => new Uint8Array(),
    tap: (upstream) => tapEvents(upstream, keeping(kept), () => kept.drop()),
  };
}
