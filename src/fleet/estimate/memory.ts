import type { Server } from "../state/server.ts";
import type { CachedPrompts } from "./cached_prompts.ts";
import type { MovingAverages } from "./moving_averages.ts";
import type { Paces } from "./paces.ts";
import type { SavedServer } from "./saved_estimates.ts";
import type { ServerEstimate } from "./server_estimate.ts";
import type { TokenRatios } from "./token_ratio.ts";

/** A saved server that isn't known yet. */
export interface AbsentServer {
  /** Takes over its saved state. */
  readonly restore: (server: Readonly<Server>) => void;
  /** Its saved state, as far as it would be taken over. */
  readonly saved: SavedServer;
}

/** All that an estimator knows. */
export interface Memory {
  readonly cached: CachedPrompts;
  readonly ratios: TokenRatios;
  readonly paces: Paces;
  readonly averages: MovingAverages;
  /** By address, saved servers that aren't known yet: sources may name them after the start. */
  readonly absent: Map<string, AbsentServer>;
  /** Returns what is known of a server; if nothing is, what was saved or an empty estimate. */
  readonly estimateOf: (server: Readonly<Server>) => ServerEstimate;
}
