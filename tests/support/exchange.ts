import type { Departure, Exchange } from "../../src/http/exchange.ts";
import { serveExchange } from "../../src/http/serve_exchange.ts";

/** The departure of a client that leaves when the signal aborts. @default it never leaves */
export function departureOf(gone = new AbortController().signal): Departure {
  const listeners = new Set<() => void>();
  gone.addEventListener("abort", () => [...listeners].forEach((tell) => tell()));
  return {
    get hasLeft() {
      return gone.aborted;
    },
    listeners,
  };
}

/** Handles a request as the app does. @returns what its client gets */
export function exchanged(
  handle: (exchange: Exchange) => Promise<void>,
  request = new Request("http://router/"),
  sent: Promise<unknown> = new Promise(() => {}),
): Promise<Response> {
  const onError = (error: unknown) => {
    throw error;
  };
  return serveExchange(request, sent, handle, onError);
}
