import type { ApiError } from "../http/api_errors.ts";
import { errorBody, errorFormatOf, errorHead, idHead } from "../http/error_answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { FieldMap } from "../http/field_map.ts";
import { pathIn } from "../http/paths.ts";
import type { Proxies } from "../proxy/create_proxies.ts";
import { idOf } from "../proxy/request.ts";
import { openRecord, type RequestRecord } from "../proxy/request_record.ts";
import type { Tracer } from "../proxy/trace.ts";
import { keyAmongProtocols } from "../http/ws/handshake.ts";
import { REALTIME_PATH } from "../vllm/endpoints.ts";
import type { ForwardedPaths } from "./forwarded_paths.ts";
import type { Guard } from "./guard.ts";

/** Takes a forwarded request to its end. `peer` is the address of the connection's other end. */
export type Forward = (exchange: Exchange, peer: string) => Promise<void>;

/** The dependencies of {@linkcode createForward}. */
export interface ForwardOptions extends Proxies {
  readonly paths: Pick<ForwardedPaths, "spelled">;
  readonly guard: Guard;
  /** Returns the tracer, if requests are traced. */
  readonly tracer: () => Tracer | undefined;
  /** Called for each request that the router answered itself. */
  readonly onAnswered: (method: string, path: string, status: number) => void;
}

const encoder = new TextEncoder();

/** Creates the way of forwarded requests: those that the guard admits go to the proxy. */
export function createForward(
  { paths, guard, proxy, realtime, tracer, onAnswered }: ForwardOptions,
): Forward {
  return async function forward(exchange, peer) {
    const target = exchange.target = paths.spelled(exchange.target);
    const isWebSocket = pathIn(target) === REALTIME_PATH;
    const headers = isWebSocket ? withKeyOfPage(exchange.headers) : exchange.headers;
    const admitted = guard.admit(headers, peer, target);
    if (!admitted.error) {
      return await (isWebSocket ? realtime : proxy)(exchange, admitted.client);
    }
    const { error } = admitted;
    onAnswered(exchange.method, pathIn(target), error.status);
    const id = idOf(exchange);
    tracer()?.(exchange.headers).end(refusedRecord(exchange, id, peer, error));
    const head = errorHead(error, [...idHead(id, target), ...admitted.headers]);
    const body = encoder.encode(errorBody(error, errorFormatOf(target), id));
    exchange.respond(error.status, head, body);
  };
}

/** The record of a request that the guard refused, for its trace. */
function refusedRecord(
  { method, target: path }: Pick<Exchange, "method" | "target">,
  id: string,
  peer: string,
  { status, message: error }: Pick<ApiError, "status" | "message">,
): RequestRecord {
  const client = { address: peer, keyName: undefined };
  return { ...openRecord({ id, client, method, path }), status, error };
}

/** A page can't set the headers of a WebSocket, so it may send its key as a subprotocol. */
function withKeyOfPage(headers: FieldMap): FieldMap {
  const key = keyAmongProtocols(headers);
  if (key === undefined || headers.has("authorization")) return headers;
  return {
    get: (name) => name === "authorization" ? `Bearer ${key}` : headers.get(name),
    has: (name) => name === "authorization" || headers.has(name),
    [Symbol.iterator]: () => headers[Symbol.iterator](),
  };
}
