import type { HttpServer } from "./http_server.ts";
import type { ServerState } from "./server_state.ts";

/** A server that drains. */
export interface Drain {
  /** Resolves when the port refuses and the last answer has gone out, be it cut short. */
  readonly gone: Promise<void>;
  /** Stops waiting for either. */
  cancel(): void;
}

/** Waits for open requests, then aborts what is left and closes the port. */
export function drain(server: ServerState, http: HttpServer, seconds: number): Drain {
  const { promise: gone, resolve, reject } = Promise.withResolvers<void>();
  const end = () => {
    cancel();
    server.engine.abortAll();
    http.refuse().then(() => http.ended()).then(resolve, reject);
  };
  const timer = setTimeout(end, seconds * 1000);
  const cancel = () => {
    clearTimeout(timer);
    server.onIdle = undefined;
  };
  server.onIdle = end;
  if (server.open.size === 0) end();
  return { gone, cancel };
}

/** Ends open requests as a vLLM server does that gets SIGTERM with default flags. */
export function endOpenRequests(
  { engine, open }: ServerState,
  how: "abort" | "error" | "silence",
): void {
  if (how === "abort") engine.abortAll();
  if (how === "silence") engine.setStalled(true);
  if (how === "error") {
    for (const exchange of [...open]) exchange.fail(500, "EngineCore encountered an issue.");
  }
}

/** A new process in place of the old one: no connection is left, and nothing in the cache. */
export function restart({ engine, open }: ServerState): void {
  for (const exchange of [...open]) exchange.drop();
  engine.setStalled(false);
  engine.cache.clear();
}
