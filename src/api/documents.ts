import type { Context } from "hono";
import { accepts } from "hono/accepts";
import type { ApiKey, ModelNames } from "../config/config.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import type { Metrics } from "../monitor/metrics.ts";
import { OPEN_METRICS } from "../monitor/open_metrics.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { unknownModel } from "../http/api_errors.ts";
import { errorResponse } from "../http/error_answer.ts";
import { nameModels } from "../proxy/response/name_models.ts";
import { VERSION } from "../version.ts";
import { dashboardAnswers } from "./dashboard.ts";
import { healthDocument, healthSummary } from "./health.ts";
import { loadStatsDocument } from "./load_stats.ts";
import { modelDocument, modelsDocument, serverModelsDocument } from "./models.ts";

/** A handler for `GET`; `key` is the client's key, if keys are enabled. */
export type Answer = (c: Context, key: ApiKey | undefined) => Response | Promise<Response>;
/** Handlers by path. */
export type Answers = Readonly<Record<string, Answer>>;

export interface DocumentsOptions {
  readonly snapshot: () => FleetSnapshot;
  /** Called when a client lists the models. */
  readonly onListed: () => void;
  /** The names under which clients may ask for models. */
  readonly modelNames: () => ModelNames;
  readonly monitor: Pick<Monitor, "view" | "history" | "detail" | "watch">;
  readonly metrics: Pick<Metrics, "page" | "contentType" | "openMetricsPage">;
  /** Aborts when shutdown begins; the router then reports not ready. */
  readonly stopping: AbortSignal;
  /** The dashboard's path, if it is at the clients' address. */
  readonly dashboard?: string | undefined;
}

/** The router's own endpoints, grouped by audience. */
export interface Documents {
  /** For everyone: liveness and readiness only. */
  readonly open: Answers;
  /** For clients. */
  readonly listings: Answers;
  /** For operators. */
  readonly admin: Answers;
  /** `/health` for callers who may not see the servers. */
  readonly healthSummary: Answer;
}

const about = { service: "vLLM Router", version: VERSION, status: "running" };

export function createDocuments(options: DocumentsOptions): Documents {
  const { snapshot, modelNames, monitor, metrics, stopping } = options;
  const anyTakesRequests = () => snapshot().servers.some(({ takesRequests }) => takesRequests);
  const healthStatus = () => anyTakesRequests() ? 200 : 503;
  return {
    open: {
      "/livez": (c) => c.json({ status: "alive" }),
      "/readyz": (c) => {
        const ready = !stopping.aborted && anyTakesRequests();
        return c.json({ status: ready ? "ready" : "not_ready" }, ready ? 200 : 503);
      },
    },
    listings: {
      "/": (c) => c.json(options.dashboard ? { ...about, dashboard: options.dashboard } : about),
      "/v1/models": (c, key) => {
        options.onListed();
        return c.json(modelsDocument(snapshot(), modelNames(), key?.models));
      },
      // The id is the rest of the path, since model names contain slashes (`org/name`).
      "/v1/models/:id{.+}": (c, key) => {
        const id = c.req.param("id")!;
        const model = modelDocument(snapshot(), modelNames(), id, key?.models);
        if (model) return c.json(model);
        const { data } = modelsDocument(snapshot(), modelNames(), key?.models);
        return errorResponse(nameModels(unknownModel(id), data.map(({ id }) => id)));
      },
    },
    admin: {
      "/health": (c) => c.json(healthDocument(snapshot(), monitor.view()), healthStatus()),
      "/load-stats": (c) => c.json(loadStatsDocument(snapshot())),
      "/server-models": (c) => c.json(serverModelsDocument(snapshot())),
      "/metrics": async (c) => {
        const open = wantsOpenMetrics(c) ? await metrics.openMetricsPage() : undefined;
        return open === undefined
          ? c.body(await metrics.page(), 200, { "content-type": metrics.contentType })
          : c.body(open, 200, { "content-type": OPEN_METRICS });
      },
      ...dashboardAnswers(monitor, stopping),
    },
    healthSummary: (c) => c.json(healthSummary(snapshot()), healthStatus()),
  };
}

/** Whether the reader of `/metrics` prefers OpenMetrics, as Prometheus does. */
function wantsOpenMetrics(c: Context): boolean {
  const [open] = OPEN_METRICS.split(";") as [string];
  return accepts(c, { header: "Accept", supports: ["text/plain", open], default: "" }) === open;
}
