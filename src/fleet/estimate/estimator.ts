import type { Prediction } from "../../routing/policy.ts";
import type { Server } from "../state/server.ts";
import type { Load, Scrape } from "./load.ts";
import type { PromptProfile, QueuedRequest, Size, WorkSnapshot } from "./prompt_profile.ts";

/** The work that is under way, and what it teaches of servers and models. */
export interface Estimator {
  /** What a request would find at a server, for as many servers as are asked about. */
  predictions(
    profile: PromptProfile,
    now: number,
  ): (server: Readonly<Server>, load: Load) => Prediction;
  /** A request is sent to a server. */
  begin(
    server: Readonly<Server>,
    profile: PromptProfile,
    prediction: Prediction,
    now: number,
  ): QueuedRequest;
  /** Its first token is here. Only the first call counts. */
  firstToken(server: Readonly<Server>, request: QueuedRequest, now: number): void;
  /** It has ended, well or not. */
  end(server: Readonly<Server>, request: QueuedRequest, size: Size, now: number): void;
  /** A server's page was read. */
  scraped(server: Readonly<Server>, scrape: Omit<Scrape, "at">, now: number): void;
  /** Only these servers are left. */
  keep(servers: readonly Readonly<Server>[]): void;
  /** What is under way at a server and what was learned of it, for whatever shows it. */
  of(server: Readonly<Server>, now: number): WorkSnapshot;
  /** Expected for the longest prompt that waits at a server, in milliseconds; 0 where none does. */
  longestPrefillMs(server: Readonly<Server>, now: number): number;
  /** Of each model of which something was learned. */
  tokensPerByte(): ReadonlyMap<string, number>;
}
