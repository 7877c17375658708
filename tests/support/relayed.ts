import type { Outcome } from "../../src/fleet/outcome.ts";
import type { ApiError } from "../../src/http/api_errors.ts";
import { Attempt } from "../../src/proxy/attempt/attempt.ts";
import type { Expiry } from "../../src/proxy/attempt/outcome.ts";
import { Reply } from "../../src/proxy/response/reply.ts";
import { relay, type Relayed, type RelayOptions } from "../../src/proxy/response/relay.ts";
import type { StreamWatch } from "../../src/proxy/sse/stream_watch.ts";
import { exchanged } from "./exchange.ts";
import { ROOMY } from "./limits.ts";
import { attemptOver, type Pieces } from "./pieces.ts";

export interface RelayedOptions extends RelayOptions {
  readonly held: Uint8Array<ArrayBuffer>;
  readonly rest: Pieces | Attempt;
  readonly watch: StreamWatch;
  readonly isStream: boolean;
  readonly clientLeft: AbortSignal;
  /** Returns the error for a stream that broke off. */
  readonly errorFor: (expired: Expiry | undefined) => ApiError;
  /** Called when the client leaves by cancelling the body. */
  readonly onLeave?: () => void;
  readonly onEnd: (outcome: Outcome, passed: Omit<Relayed, "outcome">) => void;
}

/** Relays an answer over an exchange. Returns the body that the client gets. */
export async function relayed(
  { held, rest, watch, isStream, clientLeft, onLeave, onEnd, errorFor, ...options }: RelayedOptions,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const response = await exchanged(async (exchange) => {
    if (onLeave) exchange.departure.listeners.add(onLeave);
    const attempt = rest instanceof Attempt ? rest : await attemptOver(rest, exchange.departure);
    const reply = new Reply(exchange, "id");
    await reply.begin(200, []);
    const answer = { body: held, isStream, room: ROOMY, watch };
    const { outcome, ...passed } = await relay(attempt, answer, reply, options);
    const { broken } = passed;
    if (broken?.error) void reply.write(broken.error).then(() => reply.end());
    else if (broken) reply.breakOff(errorFor(broken.expired));
    onEnd(outcome, passed);
  }, new Request("http://router/", { signal: clientLeft }));
  return response.body!;
}
