import type { ServerConfig, Settings } from "../../config/config.ts";
import { afterRequest } from "../health/circuit_breaker.ts";
import { afterCheck, type Check } from "../health/active_check.ts";
import type { Cause, EndDetails } from "../attempt_end.ts";
import { type Outcome, verdict } from "../outcome.ts";
import { addAnswer, countAnswers } from "../health/recent_answers.ts";
import { afterBackpressure } from "../health/backpressure.ts";
import {
  fixedModels,
  type Model,
  type ModelsFailure,
  reasonOf,
  type Server,
  type ServerState,
  stateOf,
} from "./server.ts";

/** What a transition depends on beside the server itself. */
export interface Circumstances {
  /** Those in effect. */
  readonly settings: Settings;
  /** Monotonic time in milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Whether enough other servers are left if this one goes out. @default yes */
  readonly mayOpen?: () => boolean;
}

/** Another server gave the same client error: for so long those of this one aren't compared. */
const CLEARED_MS = 2_000;

// What events make of a server. Each changes the server and tells in words why it is as it is now.

/**
 * It was checked.
 *
 * @param isFleetwide with this server, checks alone would take out more than half of the fleet
 */
export function applyCheck(
  server: Server,
  check: Check,
  isFleetwide: boolean,
  { settings, now }: Circumstances,
): string {
  const answers = server.answeredAt > (server.lastCheckAt ?? Infinity);
  server.lastCheckAt = now;
  if (!check.ok) server.lastFailureAt = now;
  server.health = server.shuttingDown && check.refused
    ? { ...server.health, status: "unhealthy", reason: "it has shut down" }
    : afterCheck(server.health, check, settings, now, { answers, isFleetwide });
  // What comes back after that is another process.
  if (server.health.status === "unhealthy") server.shuttingDown = false;
  return OF_ENGINE[stateOf(server)] ?? server.health.reason;
}

/** Why a server is in a state that a check can't change. */
const OF_ENGINE: { readonly [state in ServerState]?: string } = {
  sleeping: "its engine sleeps",
  stalled: "its engine stands still",
};

/**
 * A request to it ended, or what it ended with was settled.
 *
 * @param cause of a failure that other servers' answers to the same request tell of
 */
export function applyOutcome(
  server: Server,
  outcome: Outcome,
  isTrial: boolean,
  { blameless = false, unreachable = false, what, clientError, retryAfterMs }: EndDetails,
  cause: Cause,
  circumstances: Circumstances,
): string {
  const { settings, now, random } = circumstances;
  // A server that turns requests away at once would look idle, and draw still more.
  if (outcome === "backpressure") {
    Object.assign(server, afterBackpressure(server, retryAfterMs, now, random));
  }
  if (outcome === "draining") {
    server.shuttingDown = true;
    return "it shuts down";
  }
  if (outcome === "client_error") {
    if (!clientError?.isTooLong) addAnswer(server.recent, "client_error", now);
    if (cause === "request" && clientError) {
      server.cleared = { error: clientError, until: now + CLEARED_MS };
    }
  }
  const ok = verdict(outcome);
  if (ok === undefined || blameless || cause !== "server") return server.health.reason;
  // Each request that tries an unreachable server waits for seconds: one is enough.
  const failureThreshold = unreachable ? 1 : settings.failureThreshold;
  const trial = { isTrial, unreachable: unreachable || outcome === "refused", what };
  return applyVerdict(server, ok, trial, {
    ...circumstances,
    settings: { ...settings, failureThreshold },
  });
}

/** A request to it went well so far, or failed by its fault. */
export function applyVerdict(
  server: Server,
  ok: boolean,
  trial: {
    readonly isTrial: boolean;
    readonly unreachable?: boolean;
    readonly what?: string | undefined;
  },
  { settings, now, random, mayOpen }: Circumstances,
): string {
  const request = { ...trial, now, random, ...(mayOpen && { mayOpen }) };
  if (ok) {
    server.backpressureCount = 0;
    server.health = afterRequest(server.health, true, settings, request);
  } else {
    server.lastFailureAt = now;
    addAnswer(server.recent, "failed", now);
    // What took it out before it came back doesn't take it out again.
    const recent = countAnswers(server.recent, now, server.health.recoveredAt);
    server.health = afterRequest(server.health, false, settings, { ...request, recent });
  }
  return server.health.reason;
}

/**
 * A good answer has begun.
 *
 * @param cameAfter to a request that came when the server had said that it shuts down
 */
export function applyAnswer(
  server: Server,
  isTrial: boolean,
  cameAfter: boolean,
  circumstances: Circumstances,
): string {
  const { now } = circumstances;
  server.answeredAt = now;
  addAnswer(server.recent, "good", now);
  if (isTrial) applyVerdict(server, true, { isTrial }, circumstances);
  if (!cameAfter || !server.shuttingDown) return server.health.reason;
  server.shuttingDown = false;
  return "it answers again";
}

/** It told its models. Ignored where the configuration fixes them. */
export function applyModels(
  server: Server,
  models: readonly Model[],
  { now }: Circumstances,
): string {
  server.modelsUpdatedAt = now;
  server.modelsFailure = undefined;
  if (!server.config.models) server.models = new Map(models.map((model) => [model.id, model]));
  for (const model of server.denied.keys()) {
    if (!server.models.has(model)) server.denied.delete(model);
  }
  return reasonOf(server);
}

/** It didn't tell its models. What it listed before is still believed. */
export function applyModelsFailure(server: Server, failure: ModelsFailure): string {
  server.modelsFailure = failure;
  return reasonOf(server);
}

/** The configuration describes it, perhaps anew. */
export function describe(server: Server, config: ServerConfig): string {
  server.config = config;
  if (config.models) server.models = fixedModels(config);
  server.draining = false;
  return "back in the configuration";
}

/**
 * The configuration doesn't describe it any more. Where it gives the name to another server, this
 * one goes by its address.
 *
 * @param names those in the configuration
 */
export function dismiss(server: Server, names: ReadonlySet<string>): string {
  const { config } = server;
  if (names.has(config.name)) server.config = { ...config, name: config.url };
  server.draining = true;
  return "removed from the configuration";
}
