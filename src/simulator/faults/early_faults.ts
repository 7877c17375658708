import { errorType, RequestError } from "../api/errors.ts";
import type { Exchange } from "../inference/exchange.ts";
import type { RequestFault } from "./fault.ts";
import { EVENT_STREAM } from "./stream_manner.ts";

type OfKind<Kind> = Extract<RequestFault, { readonly kind: Kind }>;

/** Faults that answer a request before its body is interpreted. */
const EARLY_FAULTS: {
  readonly [Kind in RequestFault["kind"]]?: (exchange: Exchange, fault: OfKind<Kind>) => void;
} = {
  reset_before_head: (exchange) => exchange.drop(),
  idle_reset: (exchange) => exchange.drop(),
  garbled: (exchange) => exchange.garble(),
  status: (exchange, { status, retryAfterSeconds }) =>
    exchange.fail(status, `Simulated status ${status}.`, retryAfterSeconds),
  status_as_events(exchange, { status }) {
    exchange.settle("failed");
    const error = new RequestError(status, errorType(status), `Simulated status ${status}.`);
    exchange.response.json(status, exchange.errorDocument(error), EVENT_STREAM);
  },
  gateway_status(exchange, { status }) {
    exchange.settle("failed");
    // vLLM's own 401 is not in the OpenAI error format either.
    if (status === 401) return exchange.response.json(401, { error: "Unauthorized" });
    const page =
      `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>`;
    exchange.response.send(status, page, { "content-type": "text/html" });
  },
};

/** Whether `strikeEarly` answers a request with this fault. */
export function strikesEarly({ kind }: RequestFault): boolean {
  return EARLY_FAULTS[kind] !== undefined;
}

/** Answers the request if its fault is one of these. Returns whether it did. */
export function strikeEarly(exchange: Exchange, fault: RequestFault): boolean {
  const strike = EARLY_FAULTS[fault.kind] as
    | ((exchange: Exchange, fault: RequestFault) => void)
    | undefined;
  strike?.(exchange, fault);
  return strike !== undefined;
}
