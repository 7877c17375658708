import type { Config } from "./config/config.ts";
import type { Loaded } from "./config/file/load.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { ServerDetail } from "./monitor/server_detail.ts";
import type { View } from "./monitor/view.ts";

/** Where a router listens and its initial configuration. */
export interface GatewayOptions {
  /** The address to listen on. */
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** The initial configuration. */
  readonly config: Config;
  /** The file that `config` was loaded from, to watch for changes. @default no reloads */
  readonly file?: { readonly path: string } & Pick<Loaded, "text" | "files">;
  /** Called with each configuration that takes effect after the initial one. */
  readonly onReload?: (config: Config) => void;
}

/** A running router. */
export interface Gateway extends AsyncDisposable {
  /** The address it listens on. */
  readonly hostname: string;
  /** The port it listens on. */
  readonly port: number;
  /** The admin address, if configured. */
  readonly admin: { readonly hostname: string; readonly port: number } | undefined;
  /** State of the servers. */
  readonly fleet: Fleet;
  /** Returns the fleet's state as shown on the dashboard. */
  view(): View;
  /** Returns what else is known of the server at this URL; `undefined` if there is none. */
  detail(url: string): ServerDetail | undefined;
  /** Reloads the configuration file now. */
  reload(): Promise<void>;
  /**
   * Stops the router gracefully:
   *
   * 1. Reports not ready, but keeps serving for `drain_delay` (at least 1 s if there has been a
   *    POST), with responses that ask clients to close their connections.
   * 2. Refuses new connections and waits for requests in flight.
   *
   * A later call waits for the same shutdown; its argument has no effect.
   *
   * @param drainMs skips step 1, and aborts requests still in flight after this time. @default
   * `drain_timeout`
   */
  shutdown(drainMs?: number): Promise<void>;
}
