import { DEFAULT_HEALTH_SECONDS, type Fault } from "../faults/fault.ts";
import type { HttpRequest } from "../http/http_request.ts";
import { type HttpResponse, REASONS } from "../http/http_response.ts";
import { loadAdapter, unloadAdapter } from "./lora.ts";
import { renderMetrics, renderMetricsWithoutStats } from "../metrics/metrics_page.ts";
import { listModels } from "./models.ts";
import { serveStored } from "./response_store.ts";
import type { ServerState } from "../server_state.ts";
import { tokenizerInfo } from "./tokenizer_info.ts";

/** State that the non-inference endpoints show and change. */
export interface Probes {
  readonly server: ServerState;
  readonly version: string;
  readonly startedAtSeconds: number;
  /** The page that /metrics repeats while the engine is stalled. */
  frozenMetrics: string | undefined;
  state(): unknown;
  setFault(fault: Fault | null): Promise<void>;
}

type Probe = (probes: Probes, request: HttpRequest, response: HttpResponse) => void | Promise<void>;

const METRICS_TYPE = {
  "content-type": "text/plain; version=0.0.4; charset=utf-8",
};

const PROBES: Readonly<Record<string, Readonly<Record<string, Probe>>>> = {
  "/health": { GET: health },
  "/ping": { GET: health, POST: health },
  "/metrics": { GET: metrics },
  "/version": {
    GET: ({ version }, _request, response) => response.json(200, { version }),
  },
  "/load": {
    GET: ({ server }, _request, response) => response.json(200, { server_load: server.open.size }),
  },
  "/v1/models": { GET: models },
  "/tokenizer_info": {
    GET: ({ server }, _request, response) => response.json(200, tokenizerInfo(server.maxModelLen)),
  },
  "/v1/load_lora_adapter": {
    POST: ({ server }, request, response) => loadAdapter(server, request, response),
  },
  "/v1/unload_lora_adapter": {
    POST: ({ server }, request, response) => unloadAdapter(server, request, response),
  },
  "/simulator/state": {
    GET: ({ state }, _request, response) => response.json(200, state()),
  },
  "/simulator/fault": { POST: setFault, DELETE: clearFault },
};

/** Serves every non-inference request; 404 and 405 have vLLM's messages. */
export function serveProbe(probes: Probes, request: HttpRequest, response: HttpResponse): void {
  if (request.path.startsWith("/v1/responses/")) {
    return serveStored(probes.server, request, response);
  }
  const methods = PROBES[request.path];
  if (methods === undefined) return response.json(404, { detail: "Not Found" });
  const probe = methods[request.method === "HEAD" ? "GET" : request.method];
  if (probe === undefined) {
    const allow = Object.keys(methods).join(", ");
    return response.json(405, { detail: "Method Not Allowed" }, { allow });
  }
  probe(probes, request, response);
}

function health({ server }: Probes, _request: HttpRequest, response: HttpResponse): void {
  const fault = server.faults.current;
  switch (fault?.kind) {
    case "health_hang":
      return;
    case "health_status":
      return response.send(fault.status, "", fault.status < 400 ? { location: "/login" } : {});
    case "health_slow": {
      const answer = () => response.send(200, "");
      const timer = setTimeout(answer, (fault.seconds ?? DEFAULT_HEALTH_SECONDS) * 1000);
      response.onClientLeft = () => clearTimeout(timer);
      return;
    }
  }
  response.send(200, "");
}

function metrics(probes: Probes, _request: HttpRequest, response: HttpResponse): void {
  switch (probes.server.faults.current?.kind) {
    case "metrics_hang":
      return;
    case "metrics_garbage":
      return response.send(200, "<html>\u0000}{ vllm:num_requests_running{ x", METRICS_TYPE);
    case "metrics_missing":
      return response.send(200, renderMetricsWithoutStats(), METRICS_TYPE);
    case "metrics_404":
      return response.json(404, { detail: "Not Found" });
  }
  response.send(200, probes.frozenMetrics ?? metricsPage(probes), METRICS_TYPE);
}

/** Renders the current metrics page. */
export function metricsPage({ server, startedAtSeconds }: Probes): string {
  const asleep = server.faults.current?.kind === "sleeping";
  return renderMetrics(server.engine.report, server.models[0] ?? "", startedAtSeconds, asleep);
}

function models(probes: Probes, _request: HttpRequest, response: HttpResponse): void {
  const { server, startedAtSeconds } = probes;
  const fault = server.faults.current;
  if (fault?.kind === "models_fail") {
    const { status = 500 } = fault;
    return response.json(status, { error: REASONS[status] ?? "Error" });
  }
  const created = Math.floor(startedAtSeconds);
  response.json(200, listModels(server.models, server.maxModelLen, created));
}

async function setFault(
  probes: Probes,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  try {
    const fault = JSON.parse(new TextDecoder().decode(request.body));
    await probes.setFault(fault);
    response.json(200, fault);
  } catch (error) {
    response.json(400, { detail: (error as Error).message });
  }
}

async function clearFault(
  probes: Probes,
  _request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  await probes.setFault(null);
  response.json(200, null);
}
