import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { isRoutable } from "../fleet/server.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import * as errors from "../proxy/errors.ts";
import { inferencePaths, pathOf } from "../proxy/paths.ts";
import type { Metrics } from "../monitor/metrics.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { VERSION } from "../version.ts";
import { dashboardAnswers } from "./dashboard.ts";
import { healthDocument } from "./health.ts";
import { loadStatsDocument } from "./load_stats.ts";
import { modelsDocument, serverModelsDocument } from "./models.ts";

export interface AppOptions {
  readonly proxy: Proxy;
  readonly snapshot: () => FleetSnapshot;
  readonly monitor: Pick<Monitor, "view" | "history" | "watch">;
  readonly metrics: Pick<Metrics, "page" | "contentType">;
  /** Aborts when the router is told to stop: from then on new work isn't welcome. */
  readonly stopping: AbortSignal;
  /** Hears of each request that the router answered itself. */
  readonly onAnswered: (method: string, path: string, status: number) => void;
  readonly onError: (error: Error) => void;
}

/** The HTTP surface: what is forwarded, and what the router answers from its own memory. */
export function createApp(options: AppOptions): Hono<Environment> {
  const { proxy, snapshot, metrics, stopping } = options;
  const app = new Hono<Environment>({ getPath: pathOf });
  const anyRoutable = () => snapshot().servers.some(({ state }) => isRoutable(state));

  // Before `cors`, which would build each answer anew: what is passed on has that header already.
  app.on("POST", [...inferencePaths], ({ req, env }) => proxy(req.raw, addressOf(env.remoteAddr)));
  app.use(async (c, next) => {
    await next();
    options.onAnswered(c.req.method, c.req.path, c.res.status);
  });
  app.use(cors());
  app.on(OTHER_METHODS, [...inferencePaths], methodNotAllowed("POST"));

  const answers: Record<string, (c: Context) => Response | Promise<Response>> = {
    "/": (c) => c.json({ service: "vLLM Router", version: VERSION, status: "running" }),
    "/v1/models": (c) => c.json(modelsDocument(snapshot())),
    // The rest of the path is the name: models are called `org/name`.
    "/v1/models/:id{.+}": (c) => {
      const id = c.req.param("id")!;
      const model = modelsDocument(snapshot()).data.find((model) => model.id === id);
      return model ? c.json(model) : errors.errorResponse(errors.unknownModel(id));
    },
    "/health": (c) => c.json(healthDocument(snapshot()), anyRoutable() ? 200 : 503),
    "/load-stats": (c) => c.json(loadStatsDocument(snapshot())),
    "/server-models": (c) => c.json(serverModelsDocument(snapshot())),
    "/metrics": async (c) => {
      return c.body(await metrics.page(), 200, { "content-type": metrics.contentType });
    },
    ...dashboardAnswers(options.monitor, stopping),
    "/livez": (c) => c.json({ status: "alive" }),
    "/readyz": (c) => {
      const ready = !stopping.aborted && anyRoutable();
      return c.json({ status: ready ? "ready" : "not_ready" }, ready ? 200 : 503);
    },
  };
  for (const [path, answer] of Object.entries(answers)) {
    app.get(path, answer);
    app.on(OTHER_METHODS, path, methodNotAllowed("GET, HEAD"));
  }

  app.notFound(({ req: { path } }) =>
    errors.errorResponse(path === "" ? badAddress : errors.notFound(path))
  );
  app.onError((error) => {
    options.onError(error);
    return errors.errorResponse(errors.internalError);
  });
  return app;
}

const badAddress = errors.badRequest("The request's target or its Host is not valid.");

/** What `Deno.serve` tells of a request's connection. */
type Environment = { Bindings: Pick<Deno.ServeHandlerInfo, "remoteAddr"> };

function addressOf(client: Deno.Addr): string {
  return "hostname" in client ? client.hostname : "";
}

/** Reached only by a method that the path's own handler, registered before, doesn't take. */
const OTHER_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

function methodNotAllowed(allow: string) {
  return ({ req }: Context) =>
    errors.errorResponse(errors.methodNotAllowed(req.method, req.path), { allow });
}
