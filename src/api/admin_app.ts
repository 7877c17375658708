import type { Hono } from "hono";
import { PEERS_PATH } from "../peers/status.ts";
import { DASHBOARD_PATH } from "./dashboard.ts";
import { createDocuments, type DocumentsOptions } from "./documents.ts";
import { createDrain, DRAIN_PATH, type SetDrained } from "./drain.ts";
import { CHALLENGE } from "./guard.ts";
import {
  addressOf,
  type AppEvents,
  type Environment,
  type Handler,
  newApp,
  reject,
  reportTo,
  type Routes,
  serve,
  serveRoutes,
} from "./hono_app.ts";
import { ADAPTER_PATHS } from "./lora.ts";
import type { WhyNotChanged } from "./may_change.ts";
import { isOwnHost, misdirected } from "./own_host.ts";

export interface AdminAppOptions extends DocumentsOptions, AppEvents {
  /** Host names accepted, in addition to IP addresses and `localhost`. */
  readonly hosts: () => readonly string[];
  readonly setDrained: SetDrained;
  /** Answers a request to load or to unload a LoRA adapter. */
  readonly loadAdapter: (request: Request) => Promise<Response>;
  /** Lists and changes servers. */
  readonly workers: Routes;
  readonly whyNot: WhyNotChanged;
  /** Receives the events of another router. `address` is the client's. */
  readonly hearPeer: (request: Request, address: string) => Promise<Response>;
}

/**
 * Creates the HTTP app for the admin address, which serves operator endpoints. It requires no key
 * for reading, but rejects requests whose `Host` is not one of its own names.
 */
export function createAdminApp(options: AdminAppOptions): Hono<Environment> {
  const { open, listings: { "/": about }, admin } = createDocuments({
    ...options,
    dashboard: DASHBOARD_PATH,
  });
  const app = newApp(options);
  app.use(reportTo(options.onAnswered));
  // Other routers may use any host name: a page in a browser doesn't have their key.
  const hear: Handler = (c) => options.hearPeer(c.req.raw, addressOf(c.env.remoteAddr));
  serveRoutes(app, { [PEERS_PATH]: { POST: hear } }, (answer) => answer);
  app.use(async (c, next) =>
    isOwnHost(c.req.raw, options.hosts()) ? await next() : reject(c, misdirected)
  );
  serve(app, { "/": about!, ...open, ...admin });
  const drain = createDrain(options.setDrained);
  const load: Handler = ({ req }) => options.loadAdapter(req.raw);
  const adapters = Object.fromEntries(ADAPTER_PATHS.map((path) => [path, { POST: load }]));
  serveRoutes(app, { [DRAIN_PATH]: { POST: drain, DELETE: drain }, ...adapters }, needAdmin(false));
  serveRoutes(app, options.workers, needAdmin(true));
  return app;

  /** Wraps a handler that changes servers so that it requires what such a change does. */
  function needAdmin(needsKey: boolean) {
    return (answer: Handler): Handler => (c) => {
      const why = options.whyNot(c.req.raw, addressOf(c.env.remoteAddr), needsKey);
      if (!why) return answer(c);
      return reject(c, why, why.status === 401 ? CHALLENGE : []);
    };
  }
}
