import type { Server } from "../fleet/state/server.ts";

/** The polling loops that keep the fleet's state current. */
export interface Poller {
  /** Starts loops for new servers and stops those of removed servers. */
  sync(): void;
  /** Checks a server and reads its models now, unless this was done within the last second. */
  look(server: Readonly<Server>): void;
  /**
   * Reads the models of all servers now, at most once a second. Settles soon, whatever they do.
   *
   * @param haveChanged reads them even within that second. @default false
   */
  relist(haveChanged?: boolean): Promise<void>;
  /** Resolves when every current server has been checked once. */
  firstRound(): Promise<void>;
  stop(): Promise<void>;
}

/** How servers are polled. */
export interface PollingOptions {
  /** Called with unexpected errors. Polling goes on. @default throws */
  readonly onError?: (error: unknown) => void;
  /** Called once with a server's name and why it doesn't list its models. @default no-op */
  readonly onNoModels?: (server: string, why: string) => void;
  /** Called once with a server's name and why its metrics can't be used. @default no-op */
  readonly onNoMetrics?: (server: string, why: string) => void;
  /** A monotonic clock, in milliseconds. @default monotonicMs */
  readonly now?: () => number;
}
