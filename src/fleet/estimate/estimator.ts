import type { Prediction } from "../../routing/policy.ts";
import type { SentEvent } from "../peers/event.ts";
import type { Server } from "../state/server.ts";
import type { Load, Scrape } from "./load.ts";
import type {
  Ended,
  ExpectedTokens,
  PromptProfile,
  QueuedRequest,
  WorkSnapshot,
} from "./prompt_profile.ts";

/** Tracks pending prompts, and learns latencies and token ratios from finished requests. */
export interface Estimator {
  /** Counts the requests of other routers like the router's own. */
  readonly peerRequests: PeerRequests;
  /** Returns a function that predicts, per server, what a request would find there. */
  predictions(
    profile: PromptProfile,
    now: number,
  ): (server: Readonly<Server>, load: Load) => Prediction;
  /** Records that a request is sent to a server. */
  begin(
    server: Readonly<Server>,
    profile: PromptProfile,
    prediction: Prediction,
    now: number,
  ): QueuedRequest;
  /** Records a request's first token. Only the first call counts. */
  firstToken(server: Readonly<Server>, request: QueuedRequest, now: number): void;
  /**
   * Records a request's end, successful or not. Returns the blocks of the prompt that goes on with
   * its answer, if they are known.
   */
  end(
    server: Readonly<Server>,
    request: QueuedRequest,
    ended: Ended,
    now: number,
  ): readonly number[] | undefined;
  /** Records a scrape of a server. */
  scraped(server: Readonly<Server>, scrape: Omit<Scrape, "at">, now: number): void;
  /** Forgets all servers except these. */
  keep(servers: readonly Readonly<Server>[]): void;
  /** Takes a snapshot of a server's estimate. */
  of(server: Readonly<Server>, now: number): WorkSnapshot;
  /** Expected milliseconds to the first token of the longest waiting prompt; 0 if none waits. */
  longestPrefillMs(server: Readonly<Server>, now: number): number;
  /** Returns how many tokens a request's prompt is expected to have, and the mean of answers. */
  expectedTokens(profile: PromptProfile): ExpectedTokens;
  /** Learned tokens per byte of prompt, by model. */
  tokensPerByte(): ReadonlyMap<string, number>;
  /**
   * Goes through what is known of these servers as pieces of one JSON text: hashes and numbers, no
   * text of prompts. Requests may go on between two pieces. Only one walk at a time.
   *
   * @param keepsAbsent whether restored servers that haven't been named since are saved as well
   */
  save(servers: readonly Readonly<Server>[], keepsAbsent: boolean): Generator<string>;
  /**
   * Takes over what was saved, which may be anything. Learned paces count as if they had just been
   * observed, but weigh little. A server's prompts are forgotten at its next scrape if its
   * counters are lower than they were.
   *
   * @param saved the parsed text of {@linkcode save}
   * @returns what is wrong with it, if anything; then nothing was taken over
   */
  restore(servers: readonly Readonly<Server>[], saved: unknown, now: number): string | undefined;
}

/** The part of an {@linkcode Estimator} that is used outside of its fleet. */
export type Estimates = Pick<Estimator, "expectedTokens" | "save" | "restore">;

/** Counts the requests of other routers among a server's pending prompts and cached prefixes. */
export interface PeerRequests {
  /** Records that a peer has sent a request. */
  begin(server: Readonly<Server>, event: SentEvent, now: number): QueuedRequest;
  /** Records that its prompt is computed. Only the first call counts. */
  computed(server: Readonly<Server>, request: QueuedRequest, now: number): void;
  /**
   * Records its end. If its prompt wasn't computed, its blocks are withdrawn.
   *
   * @param answered blocks of the prompt with its answer; empty if unknown
   */
  end(server: Readonly<Server>, request: QueuedRequest, answered: readonly number[]): void;
}
