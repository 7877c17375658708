import { errorBody, errorHead } from "../http/api_errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { pathIn } from "../http/paths.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { inferencePaths } from "../vllm/endpoints.ts";
import type { Guard } from "./guard.ts";

/** Takes a forwarded request to its end. `peer` is the address of the connection's other end. */
export type Forward = (exchange: Exchange, peer: string) => Promise<void>;

/** The dependencies of {@linkcode createForward}. */
export interface ForwardOptions {
  readonly guard: Guard;
  readonly proxy: Proxy;
  /** Called for each request that the router answered itself. */
  readonly onAnswered: (method: string, path: string, status: number) => void;
}

const encoder = new TextEncoder();
const paths: ReadonlySet<string> = new Set(inferencePaths);

/** Whether a request is forwarded to a server. Only the exact spelling of a path matches. */
export function isForwarded({ method, target }: Pick<Exchange, "method" | "target">): boolean {
  return method === "POST" && paths.has(pathIn(target));
}

/** Creates the way of forwarded requests: those that the guard admits go to the proxy. */
export function createForward({ guard, proxy, onAnswered }: ForwardOptions): Forward {
  return async function forward(exchange, peer) {
    const admitted = guard.admit(exchange.headers, peer, exchange.target);
    if (!admitted.error) return await proxy(exchange, admitted.client);
    const { error, headers } = admitted;
    onAnswered(exchange.method, pathIn(exchange.target), error.status);
    exchange.respond(error.status, errorHead(error, headers), encoder.encode(errorBody(error)));
  };
}
