import type { Config, ServerConfig, Settings } from "../config/config.ts";
import { createPolicy } from "../routing/policies.ts";
import type { Policy } from "../routing/policy.ts";
import { afterCheck, afterRequest, type Check, type Health } from "./health.ts";
import { loadNow, type Scrape } from "./load.ts";
import { type Outcome, verdict } from "./outcome.ts";
import {
  fixedModels,
  type Model,
  newServer,
  type Server,
  type ServerState,
  stateOf,
} from "./server.ts";
import { type FleetSnapshot, snapshotOf } from "./snapshot.ts";

/** A request's place at a server, counted from the moment of choosing. */
export interface Lease {
  /** The server it is a place at. */
  readonly server: Readonly<Server>;
  /** Gives the place back and tells the fleet how it went. Only the first call counts. */
  end(outcome: Outcome): void;
}

/** Why there is no server to choose. */
export type Refusal = "unknown_model" | "unavailable";

/** A server entered or left a state. */
export interface StateChange {
  /** Its URL. */
  readonly server: string;
  /** The state it left. */
  readonly from: ServerState;
  /** The state it entered. */
  readonly to: ServerState;
  /** Why, in words for people. */
  readonly reason: string;
}

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
}

/** A scrape says nothing about now once it is older than this or several intervals. */
const SCRAPE_TRUSTED_MS = 5_000;
const SCRAPE_TRUSTED_INTERVALS = 4;

/**
 * The one owner of what is known about servers. Requests and loops change it through these methods
 * alone; whatever shows it reads a snapshot.
 */
export class Fleet {
  #servers: Server[] = [];
  #settings: Settings;
  #policy: Policy;
  #nextId = 0;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #onStateChange: (change: StateChange) => void;

  /** A fleet whose servers are all yet to be checked. */
  constructor(options: FleetOptions) {
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#onStateChange = options.onStateChange ?? (() => {});
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
    const known = new Map(
      this.#servers.map((server) => [server.config.url, server]),
    );
    const kept = config.servers.map((described) => {
      const server = known.get(described.url);
      known.delete(described.url);
      return server ? this.#redescribe(server, described) : newServer(this.#nextId++, described);
    });
    const leaving = [...known.values()];
    for (const server of leaving) {
      this.#change(
        server,
        () => server.draining = true,
        "removed from the configuration",
      );
    }
    this.#servers = [
      ...kept,
      ...leaving.filter((server) => server.inFlight > 0),
    ];
  }

  /**
   * Chooses a server for a request and counts the request on it, in one step, so that concurrent
   * requests can't herd.
   *
   * @param model as the request names it; `undefined` lets any server do
   * @param tried servers that this request is not to meet again
   */
  acquire(
    model: string | undefined,
    tried: ReadonlySet<Readonly<Server>>,
  ): Lease | Refusal {
    const able = this.#servers.filter((server) =>
      server.health.status === "healthy" && !server.asleep &&
      !tried.has(server) &&
      (model === undefined || server.models.has(model))
    );
    const staying = able.filter((server) => !server.draining);
    const chosenFrom = staying.length === 0 && this.#anyChecking() ? able : staying;
    if (chosenFrom.length === 0) return this.#refusal(model);
    const now = this.#now();
    const candidates = chosenFrom.map((server) => ({
      id: server.id,
      load: this.loadOf(server, now).load,
      server,
    }));
    const { server } = this.#policy(candidates, this.#random);
    server.inFlight++;
    return this.#lease(server);
  }

  /** Load of a server at this moment. A scrape that is too old to trust counts as none. */
  loadOf(
    server: Readonly<Server>,
    now: number = this.#now(),
  ): ReturnType<typeof loadNow> {
    const trustedMs = Math.max(
      SCRAPE_TRUSTED_MS,
      SCRAPE_TRUSTED_INTERVALS * this.#settings.metricsIntervalMs,
    );
    const scrape = server.scrape && now - server.scrape.at <= trustedMs ? server.scrape : undefined;
    return loadNow(server.inFlight, server.config.capacity, scrape);
  }

  /** Takes the result of an active check. */
  recordCheck(server: Server, check: Check): void {
    server.lastCheckAt = this.#now();
    if (!check.ok) server.lastFailureAt = server.lastCheckAt;
    this.#setHealth(server, afterCheck(server.health, check, this.#settings));
    this.#forgetDrained();
  }

  /** Takes what a server lists. Ignored where the configuration fixes its models. */
  recordModels(server: Server, models: readonly Model[]): void {
    server.modelsUpdatedAt = this.#now();
    if (!server.config.models) {
      server.models = new Map(models.map((model) => [model.id, model]));
    }
  }

  /**
   * Takes what a server's `/metrics` said.
   *
   * @param scrape `undefined` when the server's page says nothing about its requests
   */
  recordScrape(
    server: Server,
    scrape: Omit<Scrape, "at"> | undefined,
    asleep: boolean,
  ): void {
    server.scrape = scrape && { ...scrape, at: this.#now() };
    this.#change(
      server,
      () => server.asleep = asleep,
      asleep ? "its engine sleeps" : "its engine is awake",
    );
  }

  /** All that is known, at one moment, for whatever shows it. */
  snapshot(): FleetSnapshot {
    const now = this.#now();
    return snapshotOf(
      this.#servers,
      (server) => this.loadOf(server, now),
      this.#settings,
    );
  }

  #redescribe(server: Server, described: ServerConfig): Server {
    const { models } = server.config;
    server.config = described;
    if (described.models || models) server.models = fixedModels(described);
    this.#change(
      server,
      () => server.draining = false,
      "back in the configuration",
    );
    return server;
  }

  #refusal(model: string | undefined): Refusal {
    const remaining = this.#servers.filter((server) => !server.draining);
    const listed = remaining.some((server) => model === undefined || server.models.has(model));
    if (listed) return "unavailable";
    // Before a server's first answer nobody knows what it lists, and with all of them out
    // "no such model" would send people looking in the wrong place.
    const undiscovered = remaining.some((server) => stateOf(server) === "checking");
    const anyHealthy = remaining.some((server) => stateOf(server) === "healthy");
    return undiscovered || !anyHealthy ? "unavailable" : "unknown_model";
  }

  #lease(server: Server): Lease {
    let ended = false;
    return {
      server,
      end: (outcome) => {
        if (ended) return;
        ended = true;
        server.inFlight--;
        const ok = verdict(outcome);
        if (ok === false) server.lastFailureAt = this.#now();
        if (ok !== undefined) {
          this.#setHealth(
            server,
            afterRequest(server.health, ok, this.#settings),
          );
        }
        if (server.draining) this.#forgetDrained();
      },
    };
  }

  #anyChecking(): boolean {
    return this.#servers.some((server) => stateOf(server) === "checking");
  }

  /** Lets go of removed servers that have nothing left and that nobody may need. */
  #forgetDrained(): void {
    if (this.#anyChecking()) return;
    if (
      this.#servers.some((server) => server.draining && server.inFlight === 0)
    ) {
      this.#servers = this.#servers.filter((server) => !server.draining || server.inFlight > 0);
    }
  }

  #setHealth(server: Server, health: Health): void {
    this.#change(server, () => server.health = health, health.reason);
  }

  /** Makes a change and, where it moved the server to another state, says so once. */
  #change(server: Server, change: () => void, reason: string): void {
    const from = stateOf(server);
    change();
    const to = stateOf(server);
    if (from !== to) {
      this.#onStateChange({ server: server.config.url, from, to, reason });
    }
  }
}
