import { Hono } from "hono";
import { dashboardAnswers } from "../../src/api/dashboard.ts";
import type { View } from "../../src/monitor/view.ts";
import type { Scene } from "./scenes.ts";

/** The dashboard with made-up data. */
export interface Stage extends AsyncDisposable {
  readonly url: string;
  /** Sends a view to open pages, and from then on only those that are shown by this. */
  show(view: View): void;
  /** Sends nothing more. */
  hangUp(): void;
}

/** Interval of the views, as the router's. */
const LOOK_MS = 500;

/** Serves the dashboard as the router does, with the data of a scene. */
export function startStage(scene: Scene): Stage {
  let view = scene.view;
  const watchers = new Set<(view: View) => void>();
  const stopping = new AbortController();
  const monitor = {
    view: () => view,
    history: () => scene.history,
    detail: scene.detail,
    watch(onLook: (view: View) => void) {
      watchers.add(onLook);
      return () => void watchers.delete(onLook);
    },
  };
  const app = new Hono();
  for (const [path, answer] of Object.entries(dashboardAnswers(monitor, stopping.signal))) {
    app.get(path, (c) => answer(c));
  }
  const send = (next: View) => {
    view = next;
    for (const watcher of watchers) watcher(view);
  };
  const started = performance.now();
  const timer = setInterval(() => {
    send({ ...view, at: scene.view.at + Math.round(performance.now() - started) });
  }, LOOK_MS);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, app.fetch);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    show(view) {
      clearInterval(timer);
      send(view);
    },
    hangUp: () => clearInterval(timer),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stopping.abort();
      await server.shutdown();
    },
  };
}
