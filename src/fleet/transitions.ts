import type { ServerConfig, Settings } from "../config/config.ts";
import { afterRequest } from "./breaker.ts";
import { afterCheck, type Check } from "./health.ts";
import type { EndDetails } from "./lease.ts";
import { type Scrape, trustedMs } from "./load.ts";
import { type Outcome, verdict } from "./outcome.ts";
import { afterBackpressure } from "./rest.ts";
import { fixedModels, type Server, type ServerState, stateOf } from "./server.ts";
import { afterScrape, isMoving } from "./stall.ts";

/** What a transition depends on beside the server itself. */
export interface Circumstances {
  /** Those in effect. */
  readonly settings: Settings;
  /** Clock time in milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

// What events make of a server. Each changes the server and tells in words why it is as it is now.

/** It was checked. */
export function takeCheck(
  server: Server,
  check: Check,
  { settings, now }: Circumstances,
): string {
  server.lastCheckAt = now;
  if (!check.ok) server.lastFailureAt = now;
  server.health = afterCheck(server.health, check, settings, now);
  return OF_ENGINE[stateOf(server)] ?? server.health.reason;
}

/** Why a server is in a state that a check can't change. */
const OF_ENGINE: { readonly [state in ServerState]?: string } = {
  sleeping: "its engine sleeps",
  stalled: "its engine stands still",
};

/** Its `/metrics` were read. */
export function takeScrape(
  server: Server,
  scrape: Omit<Scrape, "at"> | undefined,
  asleep: boolean,
  { settings, now }: Circumstances,
): string {
  const { asleep: slept } = server;
  server.scrapedAt = now;
  server.scrape = scrape && { ...scrape, at: now };
  server.asleep = asleep;
  server.progress = afterScrape(server.progress, scrape, now);
  const stillMs = now - server.progress.movedAt;
  setStalled(server, stillMs >= settings.stallTimeoutMs);
  if (asleep) return "its engine sleeps";
  if (server.stalled) return `its engine stands still for ${Math.round(stillMs / 1000)} s`;
  return slept ? "its engine is awake" : "its engine moves again, or has nothing to do";
}

/** Its `/metrics` could not be read for so long that what they said of its engine is old. */
export function forgetScrape(server: Server): string {
  server.asleep = false;
  setStalled(server, false);
  return "its metrics can't be read";
}

/** A request to it ended. */
export function takeOutcome(
  server: Server,
  outcome: Outcome,
  isTrial: boolean,
  { blameless = false, slow = false, unreachable = false, restMs }: EndDetails,
  circumstances: Circumstances,
): string {
  const { settings, now, random } = circumstances;
  // A server that turns requests away at once would look idle, and draw still more.
  if (outcome === "backpressure") {
    Object.assign(server, afterBackpressure(server, restMs, now, random));
  }
  const isAtWork = slow && isMoving(server.progress, now - trustedMs(settings.metricsIntervalMs));
  const ok = blameless || isAtWork ? undefined : verdict(outcome);
  if (ok === undefined) return server.health.reason;
  // Each that tries it waits for seconds: one is enough.
  const failureThreshold = unreachable ? 1 : settings.failureThreshold;
  const strict = { ...settings, failureThreshold };
  return takeVerdict(server, ok, isTrial, { ...circumstances, settings: strict });
}

/** A request to it went well so far, or failed by its fault. */
export function takeVerdict(
  server: Server,
  ok: boolean,
  isTrial: boolean,
  { settings, now, random }: Circumstances,
): string {
  if (ok) server.rests = 0;
  else server.lastFailureAt = now;
  server.health = afterRequest(server.health, ok, settings, { isTrial, now, random });
  return server.health.reason;
}

/** The configuration describes it, perhaps anew. */
export function describe(server: Server, config: ServerConfig): string {
  server.config = config;
  if (config.models) server.models = fixedModels(config);
  server.draining = false;
  return "back in the configuration";
}

/** The configuration doesn't describe it any more. */
export function dismiss(server: Server): string {
  server.draining = true;
  return "removed from the configuration";
}

function setStalled(server: Server, stalled: boolean): void {
  if (stalled === server.stalled) return;
  server.stalled = stalled;
  if (stalled) server.stall.abort();
  else server.stall = new AbortController();
}
