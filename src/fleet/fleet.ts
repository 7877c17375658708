import type { Config, ServerConfig, Settings } from "../config/config.ts";
import { createPolicy } from "../routing/policies.ts";
import type { Policy } from "../routing/policy.ts";
import { eligible, type Refusal, refusal, withoutDrained } from "./eligible.ts";
import { afterCheck, afterRequest, type Check, type Health } from "./health.ts";
import { type Lease, takePlace } from "./lease.ts";
import { type Load, loadNow, type Scrape, trustedMs } from "./load.ts";
import { type Outcome, verdict } from "./outcome.ts";
import {
  fixedModels,
  type Model,
  newServer,
  type Server,
  type StateChange,
  stateOf,
} from "./server.ts";
import { type FleetSnapshot, snapshotOf } from "./snapshot.ts";

export type { Refusal } from "./eligible.ts";
export type { Lease } from "./lease.ts";
export type { StateChange } from "./server.ts";

/** What a fleet begins with. */
export interface FleetOptions {
  /** The first servers and settings. */
  readonly config: Config;
  /** Clock time in milliseconds. @default Date.now */
  readonly now?: () => number;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Hears of each change once. @default nobody */
  readonly onStateChange?: (change: StateChange) => void;
  /** Hears of each attempt's end, with the server's URL. @default nobody */
  readonly onOutcome?: (server: string, outcome: Outcome) => void;
}

/** How long a server that answered 429 or 503 is left alone. */
const REST_MS = 1_000;

/**
 * The one owner of what is known about servers. Requests and loops change it through these methods
 * alone; whatever shows it reads a snapshot.
 */
export class Fleet {
  #servers: readonly Server[] = [];
  #settings: Settings;
  #policy: Policy;
  #nextId = 0;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #onStateChange: (change: StateChange) => void;
  readonly #onOutcome: (server: string, outcome: Outcome) => void;

  /** A fleet whose servers are all yet to be checked. */
  constructor(options: FleetOptions) {
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#onStateChange = options.onStateChange ?? (() => {});
    this.#onOutcome = options.onOutcome ?? (() => {});
    this.#settings = options.config.settings;
    this.#policy = createPolicy(options.config.settings.policy);
    this.#servers = options.config.servers.map((server) => newServer(this.#nextId++, server));
  }

  /** The settings in effect. */
  get settings(): Settings {
    return this.#settings;
  }

  /** Every server, draining ones included. */
  get servers(): readonly Readonly<Server>[] {
    return this.#servers;
  }

  /**
   * Takes a new configuration. Servers are matched by URL and keep their state, new ones start in
   * `checking`, removed ones drain: they finish what they have and are then forgotten. While new
   * ones are being checked, removed ones help out where nobody else can.
   */
  reconcile(config: Config): void {
    if (config.settings.policy !== this.#settings.policy) {
      this.#policy = createPolicy(config.settings.policy);
    }
    this.#settings = config.settings;
    const known = new Map(this.#servers.map((server) => [server.config.url, server]));
    const kept = config.servers.map((described) => {
      const server = known.get(described.url);
      known.delete(described.url);
      return server ? this.#redescribe(server, described) : newServer(this.#nextId++, described);
    });
    const leaving = [...known.values()];
    for (const server of leaving) {
      this.#change(server, () => server.draining = true, "removed from the configuration");
    }
    this.#servers = withoutDrained([...kept, ...leaving]);
  }

  /**
   * Chooses a server for a request and counts the request on it, in one step, so that concurrent
   * requests can't herd.
   *
   * @param model as the request names it; `undefined` lets any server do
   * @param tried servers that this request is not to meet again
   */
  acquire(model: string | undefined, tried: ReadonlySet<Readonly<Server>>): Lease | Refusal {
    const now = this.#now();
    const able = eligible(this.#servers, model, tried, now);
    if (able.length === 0) return refusal(this.#servers, model);
    const loads = able.map((server) => ({ server, id: server.id, ...this.loadOf(server, now) }));
    const { server } = this.#policy(loads, this.#random);
    return takePlace(server, (outcome) => this.#recordOutcome(server, outcome));
  }

  /** Load of a server at this moment. A scrape that is too old to trust counts as none. */
  loadOf(server: Readonly<Server>, now: number = this.#now()): Load {
    return loadNow(server.inFlight, server.config.capacity, this.#freshScrape(server, now));
  }

  /** Takes the result of an active check. */
  recordCheck(server: Server, check: Check): void {
    server.lastCheckAt = this.#now();
    if (!check.ok) server.lastFailureAt = server.lastCheckAt;
    this.#setHealth(server, afterCheck(server.health, check, this.#settings));
    this.#servers = withoutDrained(this.#servers);
  }

  /** Takes what a server lists. Ignored where the configuration fixes its models. */
  recordModels(server: Server, models: readonly Model[]): void {
    server.modelsUpdatedAt = this.#now();
    if (!server.config.models) server.models = new Map(models.map((model) => [model.id, model]));
  }

  /**
   * Takes what a server's `/metrics` said.
   *
   * @param scrape `undefined` when the server's page says nothing about its requests
   */
  recordScrape(server: Server, scrape: Omit<Scrape, "at"> | undefined, asleep: boolean): void {
    server.scrapedAt = this.#now();
    server.scrape = scrape && { ...scrape, at: server.scrapedAt };
    const reason = asleep ? "its engine sleeps" : "its engine is awake";
    this.#change(server, () => server.asleep = asleep, reason);
  }

  /** Takes that a server's `/metrics` could not be read. What it said of sleep grows old as well. */
  recordNoScrape(server: Server): void {
    if (this.#fresh(server.scrapedAt ?? 0, this.#now())) return;
    this.#change(server, () => server.asleep = false, "its metrics can't be read");
  }

  /** All that is known, at one moment, for whatever shows it. */
  snapshot(): FleetSnapshot {
    const now = this.#now();
    return snapshotOf(this.#servers, this.#settings, (server) => ({
      ...this.loadOf(server, now),
      scrape: this.#freshScrape(server, now),
    }));
  }

  /** The last scrape, as long as it says something about now. */
  #freshScrape({ scrape, health }: Readonly<Server>, now: number): Scrape | undefined {
    if (health.status !== "unhealthy" && scrape && this.#fresh(scrape.at, now)) return scrape;
  }

  #fresh(scrapedAt: number, now: number): boolean {
    return now - scrapedAt <= trustedMs(this.#settings.metricsIntervalMs);
  }

  #redescribe(server: Server, described: ServerConfig): Server {
    server.config = described;
    if (described.models) server.models = fixedModels(described);
    this.#change(server, () => server.draining = false, "back in the configuration");
    return server;
  }

  #recordOutcome(server: Server, outcome: Outcome): void {
    this.#onOutcome(server.config.url, outcome);
    // A server that turns requests away at once would look idle, and draw still more.
    if (outcome === "backpressure") server.restsUntil = this.#now() + REST_MS;
    const ok = verdict(outcome);
    if (ok === false) server.lastFailureAt = this.#now();
    if (ok !== undefined) {
      this.#setHealth(server, afterRequest(server.health, ok, this.#settings));
    }
    this.#servers = withoutDrained(this.#servers);
  }

  #setHealth(server: Server, health: Health): void {
    this.#change(server, () => server.health = health, health.reason);
  }

  /** Makes a change and, where it moved the server to another state, says so once. */
  #change(server: Server, change: () => void, reason: string): void {
    const from = stateOf(server);
    change();
    const to = stateOf(server);
    if (from !== to) this.#onStateChange({ server: server.config.url, from, to, reason });
  }
}
