import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/simulator.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startRouter } from "./router.ts";

export { eventsOf } from "./events.ts";

export const MODEL = "simulated-model";

/** A router in front of simulated servers. Disposing stops them all. */
export interface TestFleet extends AsyncDisposable {
  readonly router: Gateway & { readonly url: string };
  readonly simulators: readonly Simulator[];
}

export interface TestFleetOptions {
  /** One simulated server per entry, 20 times as fast as a real one by default. */
  readonly servers: readonly (SimulatorOptions & { readonly capacity?: number })[];
  /** Settings, spelled as in the configuration file. */
  readonly settings?: Record<string, unknown>;
  /** Other tables of the configuration file, such as `models`. */
  readonly tables?: Readonly<Record<string, unknown>>;
  /** Environment variables, such as OpenTelemetry's. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startFleet(
  { servers, settings, tables, env }: TestFleetOptions,
): Promise<TestFleet> {
  const simulators = await Promise.all(
    servers.map(({ capacity: _, ...options }) => startSimulator({ speed: 20, ...options })),
  );
  const router = await startRouter(
    simulators.map(({ url }, i) => ({
      url,
      max_concurrent_requests: servers[i]!.capacity ?? 8,
    })),
    settings,
    {},
    tables,
    env,
  );
  return {
    router,
    simulators,
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}

/** Requests a chat completion of an exact number of tokens. */
export function ask(
  url: string,
  { tokens = 5, stream = false, signal, model = MODEL, content = "Hello" }: {
    tokens?: number;
    stream?: boolean;
    signal?: AbortSignal;
    model?: string;
    content?: string;
  } = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model,
      stream,
      max_tokens: tokens,
      ignore_eos: true,
      messages: [{ role: "user", content }],
    }),
    ...(signal && { signal }),
  });
}

/** Returns the number of the router's requests in flight over all servers. */
export function inFlight(router: Gateway): number {
  return router.fleet.snapshot().servers.reduce(
    (sum, server) => sum + server.inFlight,
    0,
  );
}
