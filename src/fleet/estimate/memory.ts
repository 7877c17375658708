import type { Server } from "../state/server.ts";
import type { CachedPrompts } from "./cached_prompts.ts";
import type { MovingAverages } from "./moving_averages.ts";
import type { Paces } from "./paces.ts";
import type { ServerEstimate } from "./server_estimate.ts";
import type { TokenRatios } from "./token_ratio.ts";

/** All that an estimator knows. */
export interface Memory {
  readonly cached: CachedPrompts;
  readonly ratios: TokenRatios;
  readonly paces: Paces;
  readonly averages: MovingAverages;
  /**
   * By address, what takes over the saved state of a server that isn't known yet: sources of servers
   * may name it after the start.
   */
  readonly absent: Map<string, (server: Readonly<Server>) => void>;
  /** Returns what is known of a server; if nothing is, what was saved or an empty estimate. */
  readonly estimateOf: (server: Readonly<Server>) => ServerEstimate;
}
