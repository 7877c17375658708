import type { Context } from "hono";
import type { Monitor } from "../monitor/monitor.ts";

const encoder = new TextEncoder();

/** What the dashboard page, and `top` in a terminal, are fed with. */
export function dashboardAnswers(
  monitor: Pick<Monitor, "view" | "history" | "watch">,
  stopping: AbortSignal,
): Record<string, (c: Context) => Response> {
  return {
    "/dashboard/view": (c) => c.json(monitor.view()),
    "/dashboard/history": (c) => c.json(monitor.history()),
    "/dashboard/events": () =>
      new Response(viewEvents(monitor, stopping), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      }),
  };
}

/** A view now and after each look, as server-sent events, until the router is told to stop. */
function viewEvents(
  monitor: Pick<Monitor, "view" | "watch">,
  stopping: AbortSignal,
): ReadableStream<Uint8Array> {
  let end = () => {};
  return new ReadableStream({
    start(controller) {
      const send = () => {
        // A reader that can't follow misses views and is never sent an old one.
        if ((controller.desiredSize ?? 0) <= 0) return;
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(monitor.view())}\n\n`));
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
