import { realClock } from "./engine/clock.ts";
import { Engine } from "./engine/engine.ts";
import type { Fault } from "./faults/fault.ts";
import { checkFault } from "./faults/fault_text.ts";
import { FaultSwitch } from "./faults/fault_switch.ts";
import type { HttpRequest } from "./http/http_request.ts";
import type { HttpResponse } from "./http/http_response.ts";
import { serveHttp } from "./http/http_server.ts";
import { serveInference } from "./inference/inference.ts";
import type { Outlook } from "./engine/outlook.ts";
import { type Probes, serveProbe } from "./api/probes.ts";
import { createRandom, drawId } from "./random.ts";
import { serveRealtime } from "./api/realtime.ts";
import { INFERENCE_ENDPOINTS } from "./api/routes.ts";
import { beginFault, type Controls, type Undo } from "./faults/server_faults.ts";
import type { ServerState } from "./server_state.ts";
import { drain } from "./shutdown.ts";
import { settingsFrom, type SimulatorOptions } from "./simulator_options.ts";

export type { Fault } from "./faults/fault.ts";
export type { Outlook } from "./engine/outlook.ts";
export { parseFault } from "./faults/fault_text.ts";
export type { Ending, SimulatorOptions } from "./simulator_options.ts";

/** Current gauges, and counters since the start, of requests and tokens. */
export interface SimulatorState {
  /** Sequences in the engine's batch. */
  running: number;
  /** Sequences waiting for a place in the batch. */
  waiting: number;
  /** Inference requests whose body was read completely. */
  received: number;
  /** Requests answered completely. A 4xx or a full queue counts in none of these three. */
  finished: number;
  /** Requests whose client left before the end. */
  aborted: number;
  /** Requests ended by a fault. */
  failed: number;
  /** Prompt tokens of requests whose prompt is computed, including cached tokens. */
  promptTokens: number;
  /** Generated tokens. */
  generationTokens: number;
  /** Prompt tokens looked up in the prefix cache. */
  prefixQueries: number;
  /** Prompt tokens found in the prefix cache. */
  prefixHits: number;
  /** Open client TCP connections, including idle ones. */
  openConnections: number;
}

/** A running simulated server. */
export interface Simulator extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  /** The port it listens on, also while it refuses connections. */
  readonly port: number;
  /**
   * Sets the fault, or clears it with null. It hits new requests. Open requests are affected only
   * if it slows or stalls the engine or puts it to sleep. A hung request stays hung.
   */
  setFault(fault: Fault | null): Promise<void>;
  /** Replaces the served models; may be empty. The first is the default. */
  setModels(models: readonly string[]): void;
  /**
   * Shuts down as vLLM does on SIGTERM with --shutdown-timeout: open requests continue for at most
   * `timeoutSeconds`, new ones get 500. Resolves when the last answer has ended. The caller must
   * still call `close`.
   */
  shutDown(timeoutSeconds: number): Promise<void>;
  /** Returns the counters and the current state. */
  state(): SimulatorState;
  /** Returns what a prompt whose full blocks have these hashes would find in the engine now. */
  inspect(blockHashes: readonly number[]): Outlook;
  /** Closes every connection and stops. Open requests count as failed. */
  close(): Promise<void>;
}

/**
 * Starts a simulated vLLM server on its own socket. POST /simulator/fault sets a fault (null or
 * DELETE clears it); GET /simulator/state returns the counters.
 *
 * @example
 * ```ts
 * await using simulator = await startSimulator({ speed: 20, fault: parseFault("slow:5") });
 * await fetch(`${simulator.url}/v1/models`);
 * ```
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  if (options.fault !== undefined) checkFault(options.fault);
  const settings = settingsFrom(options);
  const { hostname, seed, version, sseKeepAliveSeconds } = settings;
  const engine = new Engine(settings, realClock);
  const ids = createRandom(seed);
  const server: ServerState = {
    ...settings,
    poison: settings.poison,
    onEnded: settings.onEnded,
    engine,
    // Faults draw from their own generator, so they do not change the ids.
    faults: new FaultSwitch(createRandom(seed + 1)),
    counts: { received: 0, finished: 0, aborted: 0, failed: 0 },
    open: new Set(),
    storedResponses: new Map(),
    keepAliveMs: sseKeepAliveSeconds === undefined ? undefined : sseKeepAliveSeconds * 1000,
    createId: () => drawId(ids),
  };
  const probes: Probes = {
    server,
    version,
    startedAtSeconds: Date.now() / 1000,
    frozenMetrics: undefined,
    state,
    setFault,
  };

  function handle(request: HttpRequest, response: HttpResponse): void {
    const { method, path } = request;
    if (!isAuthorized(request, settings.apiKey)) {
      return response.json(401, { error: "Unauthorized" });
    }
    if (path === "/v1/realtime") return serveRealtime(server, request, response);
    const endpoint = INFERENCE_ENDPOINTS[path];
    if (endpoint === undefined) return serveProbe(probes, request, response);
    if (method !== "POST") {
      return response.json(405, { detail: "Method Not Allowed" }, { allow: "POST" });
    }
    serveInference(server, endpoint, request, response);
  }

  const http = serveHttp(hostname, settings.port, handle);

  const controls: Controls = { server, http, probes, clear: () => setFault(null) };
  let undo: Undo = () => {};
  let changing: Promise<void> = Promise.resolve();

  async function setFault(fault: Fault | null): Promise<void> {
    if (fault !== null) checkFault(fault);
    server.faults.set(fault);
    // Changes are serialised: a fault ends before the next one begins.
    const change = async () => {
      await undo();
      undo = await beginFault(controls, fault);
    };
    await (changing = changing.then(change, change));
  }

  async function shutDown(timeoutSeconds: number): Promise<void> {
    await setFault(null);
    server.faults.set({ kind: "draining", seconds: timeoutSeconds });
    const { gone, cancel } = drain(server, http, timeoutSeconds);
    undo = cancel;
    await gone;
  }

  function state(): SimulatorState {
    const { received, finished, aborted, failed } = server.counts;
    const { promptTokens, generationTokens, prefixQueries, prefixHits } = engine.statistics;
    return {
      running: engine.running,
      waiting: engine.waiting,
      received,
      finished,
      aborted,
      failed,
      promptTokens,
      generationTokens,
      prefixQueries,
      prefixHits,
      openConnections: http.openConnections,
    };
  }

  async function close(): Promise<void> {
    for (const exchange of [...server.open]) exchange.drop();
    await http.close();
    await setFault(null);
    engine.close();
  }

  if (settings.fault !== undefined) await setFault(settings.fault);
  return {
    url: `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${http.port}`,
    port: http.port,
    setFault,
    setModels: (models) => void (server.models = models),
    shutDown,
    state,
    inspect: (blockHashes) => engine.inspect(blockHashes),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function isAuthorized(request: HttpRequest, apiKey: string | undefined): boolean {
  return apiKey === undefined ||
    !/^\/(v1|v2|inference|cohere)\//.test(request.path) ||
    request.headers.get("authorization") === `Bearer ${apiKey}`;
}
