import type { Config, ServerConfig, Settings } from "../config/config.ts";
import { createPolicy } from "../routing/policies.ts";
import type { Policy } from "../routing/policy.ts";
import { makeChange } from "./state/state_change.ts";
import { longEnough } from "./context.ts";
import { describeDecision } from "./decision.ts";
import { type FleetOptions, type ResolvedOptions, resolveOptions } from "./fleet_options.ts";
import { eligible, type Refusal, refusal, type Tried, withoutDrained } from "./eligible.ts";
import { comparisonOf, settleCuts, settledOutcome, takeSettled } from "./health/blame.ts";
import { engineOf, isFresh, isFull, loadOf } from "./state/engine.ts";
import { applyScrape, dropScrape } from "./state/engine_events.ts";
import { isFleetwideFailure, leavesEnough } from "./health/panic_threshold.ts";
import type { Check } from "./health/active_check.ts";
import { type Lease, takePlace } from "./lease.ts";
import type { Load, Scrape } from "./estimate/load.ts";
import { isSuspect } from "./health/outlier_detection.ts";
import { match } from "./reconcile.ts";
import type { Model, ModelsFailure } from "./state/models.ts";
import { newServer, type Server } from "./state/server.ts";
import { type FleetSnapshot, snapshotOf } from "./snapshot.ts";
import * as transitions from "./state/server_events.ts";
import type { PromptProfile } from "./estimate/prompt_profile.ts";
import { createPeeredEstimator, type FleetPeers } from "./peers/fleet_peers.ts";
import type { Estimates } from "./estimate/estimator.ts";

/** Owns all state about servers, which requests and polling loops change only by these methods. */
export class Fleet {
  #servers: readonly Server[] = [];
  #settings: Settings;
  #policy: Policy;
  #nextId = 0;
  readonly #estimator = createPeeredEstimator(() => this.#servers);
  readonly #options: ResolvedOptions;
  /** What it has learned: the expected size of a request, and what is kept in a state file. */
  readonly estimates: Estimates = this.#estimator;
  /** What it reports to other routers, and receives from them. */
  readonly peers: FleetPeers = this.#estimator.peers;

  /** Creates a fleet whose servers have not been checked yet. */
  constructor(options: FleetOptions) {
    this.#options = resolveOptions(options);
    this.#settings = options.config.settings;
    this.#policy = createPolicy(options.config.settings.policy);
    this.#servers = options.config.servers.map(this.#add);
  }

  /** The settings in effect. */
  get settings(): Settings {
    return this.#settings;
  }

  /** All servers, including draining ones. */
  get servers(): readonly Readonly<Server>[] {
    return this.#servers;
  }

  /**
   * Applies new settings and servers. Servers are matched by URL and keep their state. New ones
   * start in `checking`. Removed ones drain: they finish their requests and are then forgotten.
   * While those that are new then are being checked, removed ones still take requests that no other
   * server can.
   */
  reconcile({ settings, servers }: Pick<Config, "settings" | "servers">): void {
    if (settings.policy !== this.#settings.policy) this.#policy = createPolicy(settings.policy);
    this.#settings = settings;
    const { kept, leaving } = match(this.#servers, servers);
    const staying = kept.map(({ known, config }) => {
      if (known) this.#change(known, () => transitions.describe(known, config));
      return known ?? this.#add(config);
    });
    const names = new Set(servers.map(({ name }) => name));
    for (const gone of leaving) this.#change(gone, (at) => transitions.dismiss(gone, names, at));
    this.#keep([...staying, ...leaving]);
  }

  /**
   * Chooses a server for a request and counts the request on it in one step, against herding.
   *
   * @param profile what is known about it; without a model, any server qualifies
   * @param tried servers not to retry unless they have recovered since
   * @param id id of the request, passed to `onDecision`
   * @param explains whether the lease says why, even without `debug_headers`
   * @returns a lease, or the reason for refusing one
   */
  acquire(profile: PromptProfile, tried: Tried, id?: string, explains = false): Lease | Refusal {
    const now = this.#now();
    const able = eligible(this.#servers, profile.model, tried, now);
    if (able.length === 0) return refusal(this.#servers, profile.model);
    const predictAt = this.#estimator.predictions(profile, now);
    const candidates = able.map((server) => {
      const load = this.loadOf(server, now);
      return { server, id: server.id, load: load.load, prediction: predictAt(server, load) };
    });
    const chosen = this.#policy(longEnough(candidates, profile.model), this.#options.random);
    const { server, server: { shuttingDown }, prediction } = chosen;
    const decision = { id, policy: this.#settings.policy, chosen, candidates };
    this.#options.onDecision(decision);
    const request = this.#estimator.begin(server, profile, prediction, now);
    const why = explains || this.#settings.debugHeaders ? describeDecision(decision) : undefined;
    return takePlace(server, why, now, tried.size === 0, {
      engine: () => engineOf(server, this.#settings, this.#now()),
      suspects: (error) =>
        isSuspect(error, comparisonOf(server, this.#servers, profile.model, error, this.#now())),
      onFirstToken: (isTrial) => {
        this.#estimator.firstToken(server, request, this.#now());
        this.#change(server, (now) => transitions.applyAnswer(server, isTrial, shuttingDown, now));
      },
      onEnd: (outcome, details) => {
        this.#estimator.end(server, request, { ...details, outcome }, this.#now());
        this.#keep(this.#servers);
      },
      onOutcome: (ended) => {
        const outcome = settledOutcome(ended, isFull(server, this.#settings, this.#now()));
        this.#options.onOutcome(server.config, outcome);
        // Triggers an immediate check that re-reads its models.
        if (outcome === "outlier") this.#options.onDoubt(server);
        this.#change(server, (at) => takeSettled(server, profile.model, { ...ended, outcome }, at));
      },
    });
  }

  /** Whether any server is eligible for such a request now. */
  canServe(model: string | undefined, tried: Tried): boolean {
    return eligible(this.#servers, model, tried, this.#now()).length > 0;
  }

  /** Returns a server's current load. Ignores a stale scrape. */
  loadOf(server: Readonly<Server>, now: number = this.#now()): Load {
    return loadOf(server, this.#settings, now);
  }

  /** Records the result of an active check. */
  recordCheck(server: Server, check: Check): void {
    const isFleetwide = () => isFleetwideFailure(server, this.#servers);
    this.#change(server, (now) => transitions.applyCheck(server, check, isFleetwide, now));
    this.#keep(this.#servers);
  }

  /** Records the engine that a server was recognised as; `undefined` to recognise it anew. */
  recordEngine(server: Server, engine: Server["recognised"]): void {
    server.recognised = engine;
  }

  /** Records the models a server lists. Ignored if the configuration fixes them. */
  recordModels(server: Server, models: readonly Model[]): void {
    this.#change(server, (now) => transitions.applyModels(server, models, now));
  }

  /** Records why a server didn't list its models. The last known list stays in effect. */
  recordNoModels(server: Server, failure: ModelsFailure): void {
    this.#change(server, () => transitions.applyModelsFailure(server, failure));
  }

  /** Records a scrape of a server's metrics; `undefined` if the page has none of requests. */
  recordScrape(server: Server, scrape: Omit<Scrape, "at"> | undefined, asleep: boolean): void {
    const prefillMs = this.#estimator.longestPrefillMs(server, this.#now());
    this.#change(server, (now) => applyScrape(server, scrape, asleep, prefillMs, now));
    if (scrape) this.#estimator.scraped(server, scrape, this.#now());
    this.#change(server, (now) => settleCuts(server, now));
  }

  /** Drains a server, or ends that. Returns `false` if no server has this name. */
  setDrained(name: string, drained: boolean): boolean {
    const server = this.#servers.find(({ config, draining }) => config.name === name && !draining);
    if (server) this.#change(server, () => transitions.applyDrain(server, drained));
    return server !== undefined;
  }

  /** Records a failed scrape. The engine state from earlier scrapes expires once it is stale. */
  recordNoScrape(server: Server): void {
    this.#change(server, (now) => settleCuts(server, now));
    if (isFresh(server.scrapedAt, this.#settings, this.#now())) return;
    this.#change(server, () => dropScrape(server));
  }

  /** Returns a consistent snapshot for views. */
  snapshot(): FleetSnapshot {
    return snapshotOf(this.#servers, this.#settings, this.#estimator, this.#options);
  }

  readonly #now = () => this.#options.now();
  readonly #add = (config: ServerConfig) => newServer(this.#nextId++, config, this.#now());
  /** Keeps these servers, except those that have drained. */
  #keep(servers: readonly Server[]): void {
    const before = this.#servers;
    this.#servers = withoutDrained(servers);
    if (this.#servers !== before) this.#estimator.keep(this.#servers);
  }

  /** Applies a change, which returns its reason, and reports a resulting state change once. */
  #change(server: Server, change: (circumstances: transitions.Circumstances) => string): void {
    const changed = makeChange(server, change, {
      settings: this.#settings,
      now: this.#now(),
      random: this.#options.random,
      mayOpen: () => leavesEnough(server, this.#servers),
    });
    if (changed) this.#options.onStateChange(changed);
  }
}
