import type { ServerConfig } from "../config/config.ts";

/** A server as a source knows it: its configuration, and whether the source wants it drained. */
export interface DiscoveredServer {
  /** Its configuration. Its name need not be unique. */
  readonly config: ServerConfig;
  /** It finishes its requests and gets no new ones. */
  readonly draining: boolean;
}

/** What a source reports. */
export interface SourceListener {
  /**
   * All servers that the source has now; replaces what it reported before. Also means that the
   * source can be read (again).
   */
  readonly onServers: (servers: readonly DiscoveredServer[]) => void;
  /**
   * The source can't be read; what it reported before stays. Repeated calls with the same reason
   * are fine.
   */
  readonly onFailure: (reason: string) => void;
  /** Part of what was read is left out. Called once for each text. */
  readonly onWarning?: (text: string) => void;
}

/** A source of servers that is watched until stopped. */
export interface Source {
  /** Resolves when nothing is watched or pending any more. Nothing is reported after the call. */
  stop(): Promise<void>;
}

/** Starts to watch a source. Reports what it finds, once it has read the source. */
export type StartSource = (listener: SourceListener) => Source;
