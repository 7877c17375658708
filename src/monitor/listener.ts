import type { Config } from "../config/config.ts";
import type { Diagnostic } from "../config/schema.ts";
import type { SourceEvents } from "../discovery/status.ts";
import type { Decision } from "../fleet/decision.ts";
import type { Outcome } from "../fleet/outcome.ts";
import type { ServerIdentity } from "../fleet/state/server.ts";
import type { StateChange } from "../fleet/state/change.ts";
import type { PeerEvents } from "../peers/status.ts";
import type { Observer } from "../proxy/observer.ts";

/** Receives the router's events: the log, the metrics, the screens. */
export interface Listener extends Observer, SourceEvents, PeerEvents {
  /** A server was chosen for a request. */
  readonly chose: (choice: Decision) => void;
  /** A server changed its state. */
  readonly stateChanged: (change: StateChange) => void;
  /** A server answers its checks but does not list its models, so it gets no requests. */
  readonly noModels: (server: string, why: string) => void;
  /** A server answers its checks but reports no load: only the router's own requests count. */
  readonly noMetrics: (server: string, why: string) => void;
  /** An attempt at a server ended. */
  readonly attemptEnded: (server: ServerIdentity, outcome: Outcome) => void;
  /**
   * A request was rejected before routing: it had no valid key or exceeded a client limit. `limit`
   * names the limit of its key, if that is it.
   */
  readonly turnedAway: (
    why: string,
    client: string,
    key: string | undefined,
    limit: string | undefined,
  ) => void;
  /** A connection of a client could not be accepted, or its TLS handshake failed. */
  readonly connectionFailed: (reason: "accept" | "tls_handshake") => void;
  /** A client sent a key that the router does not know. */
  readonly wrongKey: (client: string) => void;
  /** The state file can't be used, or not be written; `problem` goes on with the sentence. */
  readonly stateFileProblem: (path: string, problem: string) => void;
  /** The tracing collector took this many spans. */
  readonly spansExported: (count: number) => void;
  /** This many spans were lost. */
  readonly spansDropped: (reason: "queue_full" | "rejected" | "shutdown", count: number) => void;
  /** The collector took no spans, for the first time. */
  readonly spansFailed: (why: string) => void;
  /** It took spans again, after this time, in which this many were lost. */
  readonly spansRecovered: (afterMs: number, lost: number) => void;
  /** A changed configuration is in effect. */
  readonly reloaded: (config: Config, warnings: readonly Diagnostic[]) => void;
  /** A changed configuration no longer requires keys: everyone has access. */
  readonly keysTurnedOff: () => void;
  /** A changed configuration is invalid; nothing changed. */
  readonly notReloaded: (problems: readonly Diagnostic[]) => void;
}

/**
 * Combines listeners into one. Each may implement only some of the methods. A listener that throws
 * affects neither the others nor the request.
 */
export function combineListeners(
  listeners: readonly Partial<Listener>[],
  onError: (error: unknown) => void,
): Listener {
  function all<K extends keyof Listener>(name: K): Listener[K] {
    const callbacks = listeners.flatMap((listener) => listener[name] ?? []);
    const passOn = (...what: unknown[]) => {
      for (const callback of callbacks) {
        try {
          (callback as (...what: unknown[]) => void)(...what);
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
    retryDenied: all("retryDenied"),
    continued: all("continued"),
    notContinued: all("notContinued"),
    closed: all("closed"),
    stateChanged: all("stateChanged"),
    noModels: all("noModels"),
    noMetrics: all("noMetrics"),
    attemptEnded: all("attemptEnded"),
    turnedAway: all("turnedAway"),
    connectionFailed: all("connectionFailed"),
    wrongKey: all("wrongKey"),
    stateFileProblem: all("stateFileProblem"),
    spansExported: all("spansExported"),
    spansDropped: all("spansDropped"),
    spansFailed: all("spansFailed"),
    spansRecovered: all("spansRecovered"),
    reloaded: all("reloaded"),
    keysTurnedOff: all("keysTurnedOff"),
    notReloaded: all("notReloaded"),
    peerUp: all("peerUp"),
    peerDown: all("peerDown"),
    sourceChanged: all("sourceChanged"),
    sourceFailed: all("sourceFailed"),
    sourceRecovered: all("sourceRecovered"),
    sourceWarned: all("sourceWarned"),
    serverNamedTwice: all("serverNamedTwice"),
  };
}
