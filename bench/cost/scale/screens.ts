import { drawScreen } from "../../../src/monitor/terminal/draw.ts";
import { paletteOf } from "../../../src/monitor/terminal/paint.ts";
import { firstUi } from "../../../src/monitor/terminal/ui.ts";
import type { View } from "../../../src/monitor/view.ts";
import { freePort, sleep } from "../../support/processes.ts";
import { startUpstream } from "../upstream/start.ts";
import { ONCE } from "./polling.ts";
import { cpuDuring, type FleetRouter, startFleetRouter } from "./router.ts";
import { startKubernetesSource } from "./sources.ts";

/** What screens and pages cost with so many servers, in microseconds of CPU. */
export interface Screens {
  readonly servers: number;
  /** Per call, by path. */
  readonly pages: ReadonlyMap<string, number>;
  /** Per second while nobody watches: the view is renewed twice a second. */
  readonly viewPerSecond: number;
  /** Per second and watcher of the dashboard, with one and with ten. */
  readonly watcher: number;
  readonly tenWatchers: number;
  /** Per frame of the terminal. */
  readonly frame: number;
}

const PAGES = ["/health", "/load-stats", "/v1/models", "/metrics", "/dashboard/history"];
const CALLS = 10;
const FRAMES = 50;
const SIZE = { columns: 160, rows: 50 };

/** Measures what screens cost with so many servers, which are not polled meanwhile. */
export async function measureScreens(
  servers: number,
  folder: string,
  seconds: number,
): Promise<Screens> {
  await using upstream = await startUpstream({ isMany: true });
  const ports = { port: upstream.port, deadPort: freePort() };
  const population = { known: servers, serving: servers };
  await using source = await startKubernetesSource(population, ports, folder);
  await using router = await startFleetRouter({
    ...{ entry: source.entry, folder, serving: servers, more: ONCE },
  });
  const perSecond = async (watchers: number) => {
    await using _ = await watch(router, watchers);
    return await cpuDuring(router, () => sleep(seconds * 1000)) / seconds;
  };
  const pages = new Map<string, number>();
  for (const path of PAGES) {
    await router.page(path);
    const cpu = await cpuDuring(router, async () => {
      for (let call = 0; call < CALLS; call++) await router.page(path);
    });
    pages.set(path, cpu / CALLS);
  }
  const none = await perSecond(0);
  return {
    servers,
    pages,
    viewPerSecond: none,
    watcher: await perSecond(1) - none,
    tenWatchers: (await perSecond(10) - none) / 10,
    frame: frameMicroseconds(JSON.parse(await router.page("/dashboard/view"))),
  };
}

/** Opens so many dashboards, and reads what comes. */
async function watch({ port }: FleetRouter, watchers: number): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const reading = await Promise.all(Array.from({ length: watchers }, async () => {
    const url = `http://127.0.0.1:${port}/dashboard/events`;
    const { body } = await fetch(url, { signal: stop.signal });
    return body!.pipeTo(new WritableStream()).catch(() => {});
  }));
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(reading);
    },
  };
}

function frameMicroseconds(view: View): number {
  const scene = { view, points: [], detail: undefined as never };
  const palette = paletteOf(1);
  const draw = () => drawScreen(scene, firstUi(false), SIZE, palette);
  for (let frame = 0; frame < FRAMES; frame++) draw();
  const started = performance.now();
  for (let frame = 0; frame < FRAMES; frame++) draw();
  return (performance.now() - started) * 1000 / FRAMES;
}
