import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import * as errors from "../http/api_errors.ts";
import { errorResponse } from "../http/error_answer.ts";
import type { Head } from "../http/exchange.ts";
import { serveExchange } from "../http/serve_exchange.ts";
import { pathOf } from "../http/paths.ts";
import type { RequestInfo } from "../http/service.ts";
import { idOf } from "../proxy/request.ts";
import type { Forward } from "./forward.ts";
import type { ForwardedPaths } from "./forwarded_paths.ts";
import { ADAPTER_PATHS } from "./lora.ts";
import { createDrain, DRAIN_PATH, type SetDrained } from "./drain.ts";
import { allowedOrigin, corsHeaders, foreignOrigin, isForeign } from "./cors.ts";
import { DASHBOARD_PATH } from "./dashboard.ts";
import { type Answer, type Answers, createDocuments, type DocumentsOptions } from "./documents.ts";
import { CHALLENGE, CHALLENGE_TO_PEOPLE, type Guard } from "./guard.ts";
import { isOwnHost, isOwnPage, misdirected } from "./own_host.ts";

export interface AppOptions extends DocumentsOptions {
  readonly forward: Forward;
  readonly paths: ForwardedPaths;
  readonly guard: Guard;
  /** Origins allowed by CORS. */
  readonly corsOrigins: () => readonly string[];
  /** Whether operator endpoints are served at a separate address. */
  readonly adminIsElsewhere: boolean;
  /** Called for each request that the router answered itself. */
  readonly onAnswered: (method: string, path: string, status: number) => void;
  readonly onError: (error: unknown) => void;
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

export interface AdminAppOptions
  extends DocumentsOptions, Pick<AppOptions, "onAnswered" | "onError"> {
  /** Host names accepted, in addition to IP addresses and `localhost`. */
  readonly hosts: () => readonly string[];
  readonly setDrained: SetDrained;
  /** Answers a request to load or to unload a LoRA adapter. */
  readonly loadAdapter: (request: Request) => Promise<Response>;
}

/**
 * Creates the HTTP app for the admin address, which serves operator endpoints. It requires no key,
 * but rejects requests whose `Host` is not one of its own names.
 */
export function createAdminApp(options: AdminAppOptions): Hono<Environment> {
  const { open, listings: { "/": about }, admin } = createDocuments({
    ...options,
    dashboard: DASHBOARD_PATH,
  });
  const app = newApp(options);
  app.use(reportTo(options.onAnswered));
  app.use(async (c, next) =>
    isOwnHost(c.req.raw, options.hosts()) ? await next() : reject(c, misdirected)
  );
  serve(app, { "/": about!, ...open, ...admin });
  app.on(["POST", "DELETE"], DRAIN_PATH, createDrain(options.setDrained));
  app.on(OTHER_METHODS, DRAIN_PATH, methodNotAllowed("POST, DELETE"));
  app.on("POST", [...ADAPTER_PATHS], ({ req }) => options.loadAdapter(req.raw));
  app.on(OTHER_METHODS, [...ADAPTER_PATHS], methodNotAllowed("POST"));
  return app;
}

/** Connection details that `Deno.serve` provides for a request. */
type Environment = { Bindings: RequestInfo };

function newApp(
  { onError }: Pick<AppOptions, "onError">,
  getPath: (request: Request) => string = pathOf,
): Hono<Environment> {
  const app = new Hono<Environment>({ getPath });
  app.notFound((c) => reject(c, c.req.path === "" ? badAddress : errors.notFound(c.req.path)));
  app.onError((error, c) => {
    onError(error);
    return reject(c, errors.internalError);
  });
  return app;
}

/** Answers with an error, in the format of the request's endpoint. */
function reject({ req }: Context, error: errors.ApiError, head?: Head): Response {
  return errorResponse(error, head, { target: req.path, id: idOf(req.raw) });
}

/** For an address that pathOf rejects. */
const badAddress = errors.badRequest("The request's target or its Host is not valid.");

function reportTo(onAnswered: AppOptions["onAnswered"]) {
  return async function report(c: Context, next: () => Promise<void>): Promise<void> {
    await next();
    onAnswered(c.req.method, c.req.path, c.res.status);
  };
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

function serve(
  app: Hono<Environment>,
  answers: Answers,
  guarded: (answer: Answer) => Answer = (answer) => answer,
): void {
  for (const [path, answer] of Object.entries(answers)) {
    const guardedAnswer = guarded(answer);
    app.get(path, (c) => guardedAnswer(c, undefined));
    app.on(OTHER_METHODS, path, methodNotAllowed("GET, HEAD"));
  }
}

function addressOf(client: Deno.Addr): string {
  return "hostname" in client ? client.hostname : "";
}

/** Reached only by methods that the path's own handler, registered earlier, doesn't accept. */
const OTHER_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

function methodNotAllowed(allow: string) {
  return (c: Context) =>
    reject(c, errors.methodNotAllowed(c.req.method, c.req.path), [["allow", allow]]);
}
