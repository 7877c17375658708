import type { Hono } from "hono";
import { cors } from "hono/cors";
import * as errors from "../http/api_errors.ts";
import { serveExchange } from "../http/serve_exchange.ts";
import { pathOf } from "../http/paths.ts";
import type { Forward } from "./forward.ts";
import type { ForwardedPaths } from "./forwarded_paths.ts";
import { allowedOrigin, corsHeaders, foreignOrigin, isForeign } from "./cors.ts";
import { DASHBOARD_PATH } from "./dashboard.ts";
import { type Answer, createDocuments, type DocumentsOptions } from "./documents.ts";
import { CHALLENGE, CHALLENGE_TO_PEOPLE, type Guard } from "./guard.ts";
import {
  addressOf,
  type AppEvents,
  badAddress,
  type Environment,
  newApp,
  reject,
  reportTo,
  serve,
} from "./hono_app.ts";
import { isOwnPage } from "./own_host.ts";

export interface AppOptions extends DocumentsOptions, AppEvents {
  readonly forward: Forward;
  readonly paths: ForwardedPaths;
  readonly guard: Guard;
  /** Origins allowed by CORS. */
  readonly corsOrigins: () => readonly string[];
  /** Whether operator endpoints are served at a separate address. */
  readonly adminIsElsewhere: boolean;
}

/** Creates the HTTP app for clients: forwarded paths and the router's own endpoints. */
export function createApp(options: AppOptions): Hono<Environment> {
  const { forward, paths, guard } = options;
  const { open, listings, admin, healthSummary } = createDocuments({
    ...options,
    dashboard: options.adminIsElsewhere ? undefined : DASHBOARD_PATH,
  });
  const app = newApp(options, (request) => paths.spelled(pathOf(request)));

  // Comes before the other middleware, which would copy each response. Forwarded responses already
  // have their CORS headers.
  app.use(async ({ req, env }, next) =>
    paths.has({ method: req.raw.method, target: req.path })
      ? await serveExchange(req.raw, env.completed, (exchange) => {
        const ended = forward(exchange, addressOf(env.remoteAddr));
        // A listener that stops waits for every POST by itself.
        if (exchange.method === "GET") env.hold?.(ended);
        return ended;
      }, options.onError)
      : await next()
  );
  app.use(reportTo(options.onAnswered));
  app.use(async (c, next) => {
    const origin = c.req.header("origin") ?? null;
    const allowed = options.corsOrigins();
    return isForeign(origin, allowed) && !isOwnPage(c.req.raw)
      ? reject(c, foreignOrigin, corsHeaders(origin, allowed))
      : await next();
  });
  app.use(cors({ origin: (origin) => allowedOrigin(origin, options.corsOrigins()) }));
  app.use(async (c, next) => {
    const upgrade = c.req.header("upgrade")?.toLowerCase();
    return upgrade === "websocket" ? reject(c, errors.noWebSocket) : await next();
  });
  app.notFound((c) => {
    const { path, method } = c.req;
    const methods = paths.methodsOf(path);
    if (methods.length > 0) {
      const allow: [string, string] = ["allow", methods.join(", ")];
      return reject(c, errors.methodNotAllowed(method, path), [allow]);
    }
    const own = Object.keys({ ...open, ...listings, ...(!options.adminIsElsewhere && admin) });
    return reject(c, path ? errors.notFound(path, paths.similarTo(path, own)) : badAddress);
  });

  serve(app, open);
  serve(app, listings, needKey(guard, false));
  const { "/health": health, ...others } = admin;
  if (!options.adminIsElsewhere) serve(app, others, needKey(guard, true));
  serve(app, {
    "/health": (c) => {
      const key = options.adminIsElsewhere
        ? undefined
        : guard.keyOf(c.req.raw.headers, addressOf(c.env.remoteAddr), true);
      return (key ? health! : healthSummary)(c, undefined);
    },
  });
  return app;
}

/** Wraps an endpoint so that it requires a valid key, if keys are enabled. */
function needKey(guard: Guard, byPassword: boolean) {
  const challenge = byPassword ? CHALLENGE_TO_PEOPLE : CHALLENGE;
  return (answer: Answer): Answer => (c) => {
    const key = guard.keyOf(c.req.raw.headers, addressOf(c.env.remoteAddr), byPassword);
    if (!key) return reject(c, errors.wrongKey, challenge);
    return answer(c, key === "not_asked_for" ? undefined : key);
  };
}
