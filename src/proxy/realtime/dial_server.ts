import type { EndDetails, Lease } from "../../fleet/lease.ts";
import type { Outcome } from "../../fleet/outcome.ts";
import type { Departure, Head } from "../../http/exchange.ts";
import { type Dialing, RefusedByServer } from "../../http/ws/dial.ts";
import type { RelayedSocket } from "../../http/ws/web_socket.ts";
import type { CallbackSet } from "../../util/callbacks.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import { type Expiry, outcomeOf } from "../attempt/outcome.ts";
import { retryAfterMs } from "../retry.ts";

/** What all attempts of a session to reach a server share. */
export interface DialContext {
  /** Ends an attempt if the client leaves. */
  readonly departure: Departure;
  /** Called when a stopping router stops waiting for requests in flight. */
  readonly cutOffs: CallbackSet;
  readonly settings: { readonly connectTimeoutMs: number; readonly requestTimeoutMs: number };
}

/** Why a server could not be reached. */
export interface NotReached {
  readonly outcome: Exclude<Outcome, "ok">;
  readonly details: EndDetails;
  /** Why the router gave up, if it did. */
  readonly expired: Expiry | undefined;
  /** The status that the server answered with, if it answered. */
  readonly status: number | undefined;
}

/** Reaches a server, or gives up at one of the limits. */
export async function dialServer(
  open: () => Dialing,
  lease: Pick<Lease, "evictions">,
  { departure, cutOffs, settings }: DialContext,
): Promise<RelayedSocket | NotReached> {
  const dialing = open();
  let expired: Expiry | undefined;
  const expire = (why: Expiry) => {
    expired ??= why;
    dialing.giveUp();
  };
  const evict = () => expire("evicted");
  const cut = () => expire("cut_off");
  const leave = () => dialing.giveUp();
  const unreachable = startTimer(() => {
    if (!dialing.isConnected()) expire("unreachable");
  }, settings.connectTimeoutMs);
  const silent = startTimer(() => expire("silent"), settings.requestTimeoutMs);
  lease.evictions.add(evict);
  cutOffs.add(cut);
  departure.listeners.add(leave);
  try {
    return await dialing.socket;
  } catch (error) {
    return notReached(error, expired, departure.hasLeft);
  } finally {
    stopTimer(unreachable);
    stopTimer(silent);
    lease.evictions.delete(evict);
    cutOffs.delete(cut);
    departure.listeners.delete(leave);
  }
}

function notReached(
  error: unknown,
  expired: Expiry | undefined,
  clientLeft: boolean,
): NotReached {
  const refused = error instanceof RefusedByServer ? error : undefined;
  const found = outcomeOf(
    refused
      ? { status: refused.status, error: undefined, expired: undefined, clientLeft }
      : { status: undefined, error, expired, clientLeft },
  );
  return {
    // A server that answers 200 knows no WebSocket here.
    outcome: found === "ok" ? "client_error" : found,
    details: {
      blameless: expired === "evicted" || expired === "cut_off",
      unreachable: expired === "unreachable",
      what: (error as Error).message,
      retryAfterMs: found === "backpressure" && refused
        ? retryAfterMs(refused.headers.get("retry-after"), Date.now())
        : undefined,
    },
    expired,
    status: refused?.status,
  };
}

/** Headers of a handshake that are the router's own. */
const OF_HANDSHAKE = /^(accept-encoding|sec-websocket-.*)$/;

/** Returns those of a client's headers that belong to a handshake with a server. */
export function headersForHandshake(headers: Head): [string, string][] {
  return headers.filter(([name]) => !OF_HANDSHAKE.test(name)).map(([name, value]) => [name, value]);
}
