import type { Engine } from "./engine/engine.ts";
import type { FaultSwitch } from "./faults/fault_switch.ts";
import type { HttpRequest } from "./http/http_request.ts";
import type { SimulatorOptions } from "./simulator_options.ts";
import type { ResponseStore } from "./stored_response.ts";

/** An inference request whose answer is not finished. */
export interface OpenRequest {
  /** Answers with an error. */
  fail(status: number, message: string): void;
  /** Drops its connection. */
  drop(): void;
}

/** State shared by all requests of a simulator. */
export interface ServerState {
  /** Served model names; the first is the default. */
  models: readonly string[];
  /** Maximum length of prompt plus answer, in tokens. */
  readonly maxModelLen: number;
  /** Maximum number of requests waiting in the engine. */
  readonly maxQueued: number;
  /** Determines texts and lengths. */
  readonly seed: number;
  /** Of vLLM: what it knows depends on that. */
  readonly version: string;
  /** Serves /render and /inference/v1/generate. */
  readonly scaleOut: boolean;
  /** Its chat answers begin with reasoning. */
  readonly reasoning: boolean;
  readonly engine: Engine;
  readonly faults: FaultSwitch;
  /** Inference requests by outcome. */
  readonly counts: {
    received: number;
    finished: number;
    aborted: number;
    failed: number;
  };
  readonly open: Set<OpenRequest>;
  /** Called whenever the last of `open` has ended. */
  onIdle?: (() => void) | undefined;
  /** Responses stay available under their ids. */
  readonly responsesStore: boolean;
  readonly storedResponses: ResponseStore;
  readonly poison: SimulatorOptions["poison"];
  /** Silence in a stream after which a comment is sent; undefined for no comments. */
  readonly keepAliveMs: number | undefined;
  readonly onEnded: SimulatorOptions["onEnded"];
  /** Creates a fresh 32-digit hexadecimal id. */
  createId(): string;
}

/** Returns the client's request id, or a fresh one. */
export function requestId(request: HttpRequest, server: ServerState): string {
  return request.headers.get("x-request-id") ?? server.createId();
}
