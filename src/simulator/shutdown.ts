import type { HttpServer } from "./http/http_server.ts";
import type { ServerState } from "./server_state.ts";

/** A shutdown in progress. */
export interface Drain {
  /** Resolves when the port refuses connections and the last answer, complete or not, has ended. */
  readonly gone: Promise<void>;
  /** Cancels the shutdown. */
  cancel(): void;
}

/** Waits up to `seconds` for open requests, then aborts the remaining ones and closes the port. */
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

/** Ends open requests as a vLLM server with default flags does on SIGTERM. */
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

/** Replaces the server process: drops all connections and empties the cache. */
export function restart({ engine, open }: ServerState): void {
  for (const exchange of [...open]) exchange.drop();
  engine.setStalled(false);
  engine.cache.clear();
}
