import type { Engine } from "./engine.ts";
import type { FaultSwitch } from "./fault_switch.ts";
import type { HttpRequest } from "./http_request.ts";
import type { SimulatorOptions } from "./simulator_options.ts";

/** What the requests of a simulator share. */
export interface ServerState {
  /** Names served; the first is the default. */
  readonly models: readonly string[];
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
    /** Not yet answered to their end. */
    open: number;
  };
  /** Answers that can be asked for again, by id. */
  readonly storedResponses: Map<string, unknown>;
  readonly onEnded: SimulatorOptions["onEnded"];
  /** A fresh id of 32 hexadecimal digits. */
  createId(): string;
}

/** The id the client gave its request, or a fresh one. */
export function requestId(request: HttpRequest, server: ServerState): string {
  return request.headers.get("x-request-id") ?? server.createId();
}
