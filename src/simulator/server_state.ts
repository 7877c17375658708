import type { Engine } from "./engine.ts";
import type { FaultSwitch } from "./fault_switch.ts";
import type { HttpRequest } from "./http_request.ts";
import type { SimulatorOptions } from "./simulator_options.ts";

/** An inference request that is not answered to its end. */
export interface OpenRequest {
  /** Answers it with an error. */
  fail(status: number, message: string): void;
  /** Breaks its connection off. */
  drop(): void;
}

/** What the requests of a simulator share. */
export interface ServerState {
  /** Names served; the first is the default. */
  models: readonly string[];
  /** Longest prompt and answer together, in tokens. */
  readonly maxModelLen: number;
  /** Requests that may wait in the engine. */
  readonly maxQueued: number;
  /** Decides texts and lengths. */
  readonly seed: number;
  readonly engine: Engine;
  readonly faults: FaultSwitch;
  /** Inference requests, by how they went. */
  readonly counts: {
    received: number;
    finished: number;
    aborted: number;
    failed: number;
  };
  readonly open: Set<OpenRequest>;
  /** Called whenever the last of `open` has ended. */
  onIdle?: (() => void) | undefined;
  /** Answers that can be asked for again, by id. */
  readonly storedResponses: Map<string, unknown>;
  readonly poison: SimulatorOptions["poison"];
  /** Until a comment fills a pause of a stream; undefined for none. */
  readonly keepAliveMs: number | undefined;
  readonly onEnded: SimulatorOptions["onEnded"];
  /** A fresh id of 32 hexadecimal digits. */
  createId(): string;
}

/** The id the client gave its request, or a fresh one. */
export function requestId(request: HttpRequest, server: ServerState): string {
  return request.headers.get("x-request-id") ?? server.createId();
}
