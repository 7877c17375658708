import type { Exchange } from "./exchange.ts";
import { answerExchange } from "./fetch_exchange.ts";

/** What is known of a request's connection; the handler's part of `Deno.ServeHandlerInfo`. */
export interface RequestInfo {
  /** The address of the connection's other end. */
  readonly remoteAddr: Deno.NetAddr;
  /** Settles when the answer has gone out, or the connection has ended. */
  readonly completed: Promise<unknown>;
  /** Makes a listener that stops wait, as for a request in flight. @default it waits by itself */
  readonly hold?: (until: Promise<unknown>) => void;
}

/** The two ways in which a listener's requests are answered. */
export interface Service {
  /** Answers any request, also one that is forwarded. */
  readonly answer: (request: Request, info: RequestInfo) => Response | Promise<Response>;
  /**
   * Takes a request that is forwarded to its end, without a `Request` and a `Response`, which cost
   * more than all else. `undefined` if it isn't forwarded.
   *
   * @param peer the address of the connection's other end
   */
  readonly forward: (exchange: Exchange, peer: string) => Promise<void> | undefined;
}

/** Takes a request of either kind to its end; `origin` is its scheme and host. */
export function serveBy(
  { answer, forward }: Service,
  exchange: Exchange,
  remoteAddr: Deno.NetAddr,
  origin: string,
): Promise<void> {
  return forward(exchange, remoteAddr.hostname) ??
    answerExchange(
      exchange,
      origin,
      (request, completed) => answer(request, { remoteAddr, completed }),
    );
}
