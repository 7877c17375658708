import { realClock } from "./clock.ts";
import { Engine } from "./engine.ts";
import { checkFault, DEFAULT_SLOW_FACTOR, type Fault } from "./fault.ts";
import { FaultSwitch } from "./fault_switch.ts";
import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";
import { serveHttp } from "./http_server.ts";
import { serveInference } from "./inference.ts";
import { BLOCK_SIZE } from "./kv_cache.ts";
import { type Probes, serveProbe } from "./probes.ts";
import { createRandom } from "./random.ts";
import { INFERENCE_ENDPOINTS } from "./routes.ts";
import type { ServerState } from "./server_state.ts";

export type { Fault } from "./fault.ts";
export { parseFault } from "./fault.ts";

export interface SimulatorOptions {
  /** @default "127.0.0.1" */
  hostname?: string;
  /** 0 takes a free port. @default 0 */
  port?: number;
  /** Served model names; the first is the default. @default ["simulated-model"] */
  models?: readonly string[];
  /** Requests decoded side by side. @default 8 */
  maxNumSeqs?: number;
  /** Longest prompt and answer together, in tokens; never more than the KV cache holds. @default 32768 */
  maxModelLen?: number;
  /** Size of the KV cache in blocks of 16 tokens. @default 8192 */
  kvBlocks?: number;
  /** @default 8000 */
  prefillTokensPerSecond?: number;
  /** Time of one decode step with a batch of one. @default 20 */
  interTokenMs?: number;
  /** Share by which each further sequence in the batch slows a step. @default 0.03 */
  interTokenGrowth?: number;
  /** Multiplies the speed of everything. @default 1 */
  speed?: number;
  /** Requests that may wait, as with --max-num-queued-reqs; 503 past it. @default unbounded */
  maxQueued?: number;
  /** Guards /v1, /v2, /inference and /cohere, as --api-key does. @default none */
  apiKey?: string;
  /** Decides texts, lengths and which requests a fault strikes. @default 1 */
  seed?: number;
  /** Shown by /version. @default "0.11.0" */
  version?: string;
  /** The fault to begin with. @default none */
  fault?: Fault;
}

/** Requests and tokens as they stand now, or as counted since the start. */
export interface SimulatorState {
  /** Sequences in the engine's batch. */
  running: number;
  /** Sequences that wait for a place in it. */
  waiting: number;
  /** Inference requests whose body was read. */
  received: number;
  /** Answered to their end. A request refused with a 4xx, or for a full queue, is in none of the three. */
  finished: number;
  /** Left by the client before their end. */
  aborted: number;
  /** Ended by a fault. */
  failed: number;
  promptTokens: number;
  generationTokens: number;
  /** Prompt tokens looked up in the prefix cache. */
  prefixQueries: number;
  /** Prompt tokens found there. */
  prefixHits: number;
  openConnections: number;
}

export interface Simulator extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /**
   * Sets the fault, or clears it with null. It strikes new requests. Those open feel it when it
   * slows or stalls the engine or puts it to sleep; one that hangs goes on hanging.
   */
  setFault(fault: Fault | null): Promise<void>;
  state(): SimulatorState;
  /** Closes every connection and stops. */
  close(): Promise<void>;
}

/**
 * Starts a simulated vLLM server on a socket of its own. POST /simulator/fault sets a fault from
 * outside (null or DELETE clears it), GET /simulator/state shows the counters.
 *
 * @example
 * ```ts
 * await using simulator = await startSimulator({ speed: 20, fault: parseFault("slow:5") });
 * await fetch(`${simulator.url}/v1/models`);
 * ```
 */
export async function startSimulator(
  options: SimulatorOptions = {},
): Promise<Simulator> {
  if (options.fault !== undefined) checkFault(options.fault);
  const { hostname = "127.0.0.1", seed = 1, kvBlocks = 8192 } = options;
  const engine = new Engine({
    maxNumSeqs: options.maxNumSeqs ?? 8,
    kvBlocks,
    prefillTokensPerSecond: options.prefillTokensPerSecond ?? 8000,
    interTokenMs: options.interTokenMs ?? 20,
    interTokenGrowth: options.interTokenGrowth ?? 0.03,
    speed: options.speed ?? 1,
  }, realClock);
  const ids = createRandom(seed);
  const server: ServerState = {
    models: options.models ?? ["simulated-model"],
    maxModelLen: Math.min(options.maxModelLen ?? 32768, kvBlocks * BLOCK_SIZE),
    maxQueued: options.maxQueued ?? Infinity,
    seed,
    engine,
    faults: new FaultSwitch(createRandom(seed + 1)),
    counts: { received: 0, finished: 0, aborted: 0, failed: 0, open: 0 },
    storedResponses: new Map(),
    createId: () =>
      Array.from(
        { length: 4 },
        () => Math.floor(ids() * 2 ** 32).toString(16).padStart(8, "0"),
      )
        .join(""),
  };
  const probes: Probes = {
    server,
    version: options.version ?? "0.11.0",
    startedAtSeconds: Date.now() / 1000,
    state,
    setFault,
  };
  let reopenTimer: ReturnType<typeof setTimeout> | undefined;

  function handle(request: HttpRequest, response: HttpResponse): void {
    const { method, path } = request;
    if (!isAuthorized(request, options.apiKey)) {
      return response.json(401, { error: "Unauthorized" });
    }
    const endpoint = INFERENCE_ENDPOINTS[path];
    if (endpoint === undefined) return serveProbe(probes, request, response);
    if (method !== "POST") {
      return response.json(405, { detail: "Method Not Allowed" }, {
        allow: "POST",
      });
    }
    serveInference(server, endpoint, request, response);
  }

  const http = serveHttp(hostname, options.port ?? 0, handle);

  async function setFault(fault: Fault | null): Promise<void> {
    if (fault !== null) checkFault(fault);
    clearTimeout(reopenTimer);
    server.faults.set(fault);
    const strikesAll = fault?.kind === "slow" &&
      fault.probability === undefined &&
      fault.times === undefined;
    engine.slowdown = strikesAll ? fault.factor ?? DEFAULT_SLOW_FACTOR : 1;
    engine.setStalled(fault?.kind === "stalled");
    if (fault?.kind === "sleeping") engine.sleep();
    if (fault?.kind !== "refuse") return await http.accept();
    if (fault.seconds !== undefined) {
      reopenTimer = setTimeout(() => setFault(null), fault.seconds * 1000);
    }
    await http.refuse();
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
    clearTimeout(reopenTimer);
    await http.close();
    engine.close();
  }

  if (options.fault !== undefined) await setFault(options.fault);
  return {
    url: `http://${hostname}:${http.port}`,
    port: http.port,
    setFault,
    state,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function isAuthorized(
  request: HttpRequest,
  apiKey: string | undefined,
): boolean {
  return apiKey === undefined ||
    !/^\/(v1|v2|inference|cohere)\//.test(request.path) ||
    request.headers.get("authorization") === `Bearer ${apiKey}`;
}
