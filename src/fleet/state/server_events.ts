import type { ServerConfig, Settings } from "../../config/config.ts";
import { afterRequest } from "../health/circuit_breaker.ts";
import { afterCheck, type Check } from "../health/active_check.ts";
import type { Cause, EndDetails } from "../attempt_end.ts";
import { type Outcome, verdict } from "../outcome.ts";
import { addAnswer, countAnswers } from "../health/recent_answers.ts";
import { afterBackpressure } from "../health/backpressure.ts";
import { fixedModels, type Model, type ModelsFailure } from "./models.ts";
import { reasonOf, type Server, type ServerState, stateOf } from "./server.ts";

/** What a transition depends on besides the server itself. */
export interface Circumstances {
  /** The settings in effect. */
  readonly settings: Settings;
  /** Monotonic time in milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Whether enough other servers are left if this one is ejected. @default yes */
  readonly mayOpen?: () => boolean;
}

/** How long a client error isn't compared after another server returned the same one. */
const CLEARED_MS = 2_000;

// Transitions of a server. Each changes the server and returns a human-readable reason for its new
// state.

/**
 * Applies the result of an active check.
 *
 * @param isFleetwide whether, counting this server, checks alone would eject more than half of the fleet
 */
export function applyCheck(
  server: Server,
  check: Check,
  isFleetwide: () => boolean,
  { settings, now }: Circumstances,
): string {
  const answers = server.answeredAt > (server.lastCheckAt ?? Infinity);
  server.lastCheckAt = now;
  if (!check.ok) server.lastFailureAt = now;
  server.health = server.shuttingDown && check.refused
    ? { ...server.health, status: "unhealthy", reason: "it has shut down" }
    : afterCheck(server.health, check, settings, now, { answers, isFleetwide });
  // After that, a new process answers.
  if (server.health.status === "unhealthy") server.shuttingDown = false;
  return OF_ENGINE[stateOf(server)] ?? server.health.reason;
}

/** Reasons for states that a check can't change. */
const OF_ENGINE: { readonly [state in ServerState]?: string } = {
  sleeping: "its engine sleeps",
  stalled: "its engine is stalled",
};

/**
 * Applies the outcome of a request, once it is final.
 *
 * @param cause who caused a failure, judged by other servers' answers to the same request
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
  // A server that rejects requests at once would look idle and attract even more.
  if (outcome === "backpressure") {
    Object.assign(server, afterBackpressure(server, retryAfterMs, now, random));
  }
  if (outcome === "draining") {
    server.shuttingDown = true;
    return "it is shutting down";
  }
  if (outcome === "client_error") {
    if (!clientError?.isTooLong) addAnswer(server.recent, "client_error", now);
    if (cause === "request" && clientError) {
      server.cleared = { error: clientError, until: now + CLEARED_MS };
    }
  }
  const ok = verdict(outcome);
  if (ok === undefined || blameless || cause !== "server") return server.health.reason;
  // Each request to an unreachable server waits for seconds, so one failure is enough.
  const failureThreshold = unreachable ? 1 : settings.failureThreshold;
  const trial = { isTrial, unreachable: unreachable || outcome === "refused", what };
  return applyVerdict(server, ok, trial, {
    ...circumstances,
    settings: { ...settings, failureThreshold },
  });
}

/** Applies a good answer, or a failure that was the server's fault. */
function applyVerdict(
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
    // Failures from before its recovery don't eject it again.
    const recent = countAnswers(server.recent, now, server.health.recoveredAt);
    server.health = afterRequest(server.health, false, settings, { ...request, recent });
  }
  return server.health.reason;
}

/**
 * Applies that a good answer has begun.
 *
 * @param cameAfter the request was sent after the server had announced its shutdown
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

/** Applies its list of models. The list is ignored if the configuration fixes the models. */
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

/** Applies a failure to list its models. The last known list stays in effect. */
export function applyModelsFailure(server: Server, failure: ModelsFailure): string {
  server.modelsFailure = failure;
  return reasonOf(server);
}

/** Applies its configuration, new or again. */
export function describe(server: Server, config: ServerConfig): string {
  const { draining: wasRemoved, config: { draining: wasDraining } } = server;
  const from = config.source ?? "the configuration";
  server.config = config;
  if (config.models) server.models = fixedModels(config);
  server.draining = false;
  server.removedAt = undefined;
  if (config.draining) return `drained by ${from}`;
  if (wasRemoved) return `back in ${from}`;
  return wasDraining ? `no longer drained by ${from}` : `changed in ${from}`;
}

/** Applies that an operator drains it, or wants it back. */
export function applyDrain(server: Server, drained: boolean): string {
  server.drained = drained;
  return drained ? "drained by an operator" : "taken back by an operator";
}

/**
 * Drains a server that neither the configuration nor a source has any more. If another server has
 * its name now, it is called by its URL.
 *
 * @param names the names of the servers that there are
 */
export function dismiss(
  server: Server,
  names: ReadonlySet<string>,
  { now }: Pick<Circumstances, "now">,
): string {
  const { config } = server;
  if (names.has(config.name)) server.config = { ...config, name: config.url };
  server.draining = true;
  server.removedAt ??= now;
  return `removed from ${config.source ?? "the configuration"}`;
}
