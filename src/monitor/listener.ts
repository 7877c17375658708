import type { Config } from "../config/config.ts";
import type { Diagnostic } from "../config/schema.ts";
import type { Decision } from "../fleet/decision.ts";
import type { Outcome } from "../fleet/outcome.ts";
import type { ServerIdentity, StateChange } from "../fleet/state/server.ts";
import type { Observer } from "../proxy/observer.ts";

/** Whoever wants to know what goes on: the log, the metrics, the screens. */
export interface Listener extends Observer {
  /** A server was chosen for a request, among these. */
  readonly chose: (choice: Decision) => void;
  /** A server entered another state. */
  readonly stateChanged: (change: StateChange) => void;
  /**
   * A server that answers its checks, told by its name, doesn't tell its models, so that no request
   * goes there.
   */
  readonly noModels: (server: string, why: string) => void;
  /**
   * A server that answers its checks, told by its name, doesn't tell its load: only the router's own
   * requests count.
   */
  readonly noMetrics: (server: string, why: string) => void;
  /** An attempt at a server ended. */
  readonly attemptEnded: (server: ServerIdentity, outcome: Outcome) => void;
  /** A request was turned away at the door, for want of a key or past a limit of its client's. */
  readonly turnedAway: (why: string, client: string, key: string | undefined) => void;
  /** A client showed a key that is none of the router's. */
  readonly wrongKey: (client: string) => void;
  /** A changed configuration is in effect. */
  readonly reloaded: (config: Config, warnings: readonly Diagnostic[]) => void;
  /** A changed configuration asks for no key where the one before did: everybody gets in. */
  readonly keysTurnedOff: () => void;
  /** A changed configuration can't be used; nothing changed. */
  readonly notReloaded: (problems: readonly Diagnostic[]) => void;
}

/**
 * One listener that passes on to all of these, each of which may care for some things only. One
 * that fails keeps neither the others nor the request from going on.
 */
export function tellAll(
  listeners: readonly Partial<Listener>[],
  onError: (error: unknown) => void,
): Listener {
  function all<K extends keyof Listener>(name: K): Listener[K] {
    const ears = listeners.flatMap((listener) => listener[name] ?? []);
    const passOn = (...what: unknown[]) => {
      for (const ear of ears) {
        try {
          (ear as (...what: unknown[]) => void)(...what);
        } catch (error) {
          onError(error);
        }
      }
    };
    return passOn as Listener[K];
  }
  return {
    chosen: all("chosen"),
    chose: all("chose"),
    firstToken: all("firstToken"),
    nextToken: all("nextToken"),
    failover: all("failover"),
    retryHeldBack: all("retryHeldBack"),
    closed: all("closed"),
    stateChanged: all("stateChanged"),
    noModels: all("noModels"),
    noMetrics: all("noMetrics"),
    attemptEnded: all("attemptEnded"),
    turnedAway: all("turnedAway"),
    wrongKey: all("wrongKey"),
    reloaded: all("reloaded"),
    keysTurnedOff: all("keysTurnedOff"),
    notReloaded: all("notReloaded"),
  };
}
