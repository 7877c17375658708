import type { Context } from "hono";
import { type DashboardFile, dashboardFiles } from "../monitor/dashboard/files.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { View } from "../monitor/view.ts";

/** The path of the dashboard's page. */
export const DASHBOARD_PATH = "/dashboard";

const encoder = new TextEncoder();

/** The page loads resources from the router only. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  "img-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The dashboard's files, and the data endpoints that the page and `top` read. */
export function dashboardAnswers(
  monitor: Pick<Monitor, "view" | "history" | "detail" | "watch">,
  stopping: AbortSignal,
): Record<string, (c: Context) => Response> {
  return {
    ...Object.fromEntries(
      Object.entries(dashboardFiles).map(([path, file]) => [path, () => fileAnswer(file)]),
    ),
    "/dashboard/view": (c) => c.json(monitor.view()),
    "/dashboard/history": (c) => c.json(monitor.history()),
    "/dashboard/server": (c) => {
      const detail = monitor.detail(c.req.query("url") ?? "");
      return detail ? c.json(detail) : c.json({ error: "There is no server at this url" }, 404);
    },
    "/dashboard/events": () =>
      new Response(viewEvents(monitor, stopping), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      }),
  };
}

function fileAnswer({ contentType, text }: DashboardFile): Response {
  return new Response(text, {
    headers: {
      "content-type": contentType,
      "content-security-policy": CONTENT_SECURITY_POLICY,
      // The page changes with the router's version.
      "cache-control": "no-cache",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  });
}

/** The latest event, shared by all watchers. */
let latest: { readonly view: View; readonly event: Uint8Array } | undefined;

function eventOf(view: View): Uint8Array {
  if (latest?.view !== view) {
    latest = { view, event: encoder.encode(`data: ${JSON.stringify(view)}\n\n`) };
  }
  return latest.event;
}

/** Streams the current view and each update as server-sent events, until the router stops. */
function viewEvents(
  monitor: Pick<Monitor, "view" | "watch">,
  stopping: AbortSignal,
): ReadableStream<Uint8Array> {
  let end = () => {};
  return new ReadableStream({
    start(controller) {
      const send = () => {
        // A slow reader skips views rather than receive outdated ones.
        if ((controller.desiredSize ?? 0) <= 0) return;
        controller.enqueue(eventOf(monitor.view()));
      };
      const unwatch = monitor.watch(send);
      const close = () => {
        end();
        controller.close();
      };
      end = () => {
        unwatch();
        stopping.removeEventListener("abort", close);
      };
      stopping.addEventListener("abort", close);
      send();
    },
    cancel: () => end(),
  });
}
