import { type Context, Hono } from "hono";
import * as errors from "../http/api_errors.ts";
import { errorResponse } from "../http/error_answer.ts";
import type { Head } from "../http/exchange.ts";
import { pathOf } from "../http/paths.ts";
import type { RequestInfo } from "../http/service.ts";
import { idOf } from "../proxy/request.ts";
import type { Answer, Answers } from "./documents.ts";

/** Whom an app tells of what happens. */
export interface AppEvents {
  /** Called for each request that the router answered itself. */
  readonly onAnswered: (method: string, path: string, status: number) => void;
  readonly onError: (error: unknown) => void;
}

/** Answers a request. */
export type Handler = (c: Context) => Response | Promise<Response>;

/** Handlers by path and method. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

/** Connection details that `Deno.serve` provides for a request. */
export type Environment = { Bindings: RequestInfo };

/** Creates an app whose errors have the router's formats. */
export function newApp(
  { onError }: Pick<AppEvents, "onError">,
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
export function reject({ req }: Context, error: errors.ApiError, head?: Head): Response {
  return errorResponse(error, head, { target: req.path, id: idOf(req.raw) });
}

/** For an address that pathOf rejects. */
export const badAddress = errors.badRequest("The request's target or its Host is not valid.");

/** Tells of each answer. */
export function reportTo(onAnswered: AppEvents["onAnswered"]) {
  return async function report(c: Context, next: () => Promise<void>): Promise<void> {
    await next();
    onAnswered(c.req.method, c.req.path, c.res.status);
  };
}

/** Serves pages, which are only read. */
export function serve(
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

/**
 * Serves paths with several methods.
 *
 * @param guarded wraps what answers to other methods than GET
 */
export function serveRoutes(
  app: Hono<Environment>,
  routes: Routes,
  guarded: (answer: Handler) => Handler,
): void {
  for (const [path, handlers] of Object.entries(routes)) {
    for (const [method, answer] of Object.entries(handlers)) {
      app.on(method, path, method === "GET" ? answer : guarded(answer));
    }
    app.on(OTHER_METHODS, path, methodNotAllowed(Object.keys(handlers).join(", ")));
  }
}

/** Returns the address of the connection's other end. */
export function addressOf(client: Deno.Addr): string {
  return "hostname" in client ? client.hostname : "";
}

/** Reached only by methods that the path's own handler, registered earlier, doesn't accept. */
const OTHER_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

function methodNotAllowed(allow: string) {
  return (c: Context) =>
    reject(c, errors.methodNotAllowed(c.req.method, c.req.path), [["allow", allow]]);
}
