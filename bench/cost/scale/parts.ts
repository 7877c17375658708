import Table from "cli-table3";
import { type Part, print } from "../part.ts";
import { ROUTER } from "../proxies/proxy.ts";
import { atMost, figures } from "../report.ts";
import { ratios } from "../statistics.ts";
import { type Churn, measureChurn, measureChurnMemory, PER_SECOND, REPLACED } from "./churn.ts";
import { measureForwarding } from "./forwarding.ts";
import { KNOWN, measurePolling, type Polling, SERVING } from "./polling.ts";
import type { Looked } from "./probe.ts";
import { measureScreens, type Screens } from "./screens.ts";

/** Seconds of a figure that is measured once, for each second of a round. */
const ONCE = 6;

/** The parts with many servers. */
export const scaleParts: Readonly<Record<string, Part>> = {
  async forwarding(bench) {
    const what = `CPU per request, 1 KB JSON, ${SERVING} servers`;
    const rounds = await measureForwarding(bench);
    print(figures(what, "µs", rounds));
    return [atMost(what, 4, "× nginx", ratios(rounds, ROUTER, "nginx"))];
  },
  async polling({ folder, seconds }) {
    const measured = await measurePolling(folder, ONCE * seconds);
    print(pollingTable(measured));
    const [none, polled] = measured as [Polling, Polling];
    const perPage = 1e6 * (polled.share - none.share) / polled.pagesPerSecond;
    return [atMost("CPU per polled page", 300, "µs", [perPage])];
  },
  async screens({ folder, seconds }) {
    const few = await measureScreens(SERVING, folder, ONCE * seconds);
    const many = await measureScreens(KNOWN, folder, ONCE * seconds);
    print(screensTable(few, many));
    return [
      atMost(`/metrics of ${KNOWN} servers`, 100, "ms", [many.pages.get("/metrics")! / 1000]),
    ];
  },
  async churning({ folder, seconds }) {
    const measured = await measureChurn(folder, ONCE * seconds);
    print(churnTable(measured));
    const { before, early, after } = await measureChurnMemory(folder);
    const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
    print(tableOf(
      [`Memory, ${KNOWN} endpoints in Kubernetes`, "resident, MB", "heap and buffers, MB"],
      Object.entries({
        "before": before,
        [`${REPLACED / 4} servers replaced`]: early,
        [`${REPLACED} servers replaced`]: after,
      }).map(([when, held]) => [when, megabytes(held.rss), megabytes(heldBytes(held))]),
    ));
    return [
      ...measured.map(({ source, changing }) =>
        atMost(`Longest pause, servers of ${source} change`, 50, "ms", [changing.lagMaxMs])
      ),
      atMost(`Heap and buffers after ${REPLACED} replaced servers`, 1.1, "× after 5000", [
        heldBytes(after) / heldBytes(early),
      ]),
    ];
  },
};

/** What the process holds. Its resident memory also has what the allocator keeps for later. */
const heldBytes = ({ heap, external }: Looked) => heap + external;

const STYLE = { head: [], border: [] };

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => index === 0 ? "left" : "right"),
    style: STYLE,
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

function pollingTable(measured: readonly Polling[]): string {
  return tableOf(
    ["Polling, without requests", "% of a core", "pages/s", "memory, MB"],
    measured.map(({ what, share, pagesPerSecond, megabytes }) => [
      what,
      (100 * share).toFixed(1),
      pagesPerSecond.toFixed(0),
      megabytes.toFixed(0),
    ]),
  );
}

function screensTable(few: Screens, many: Screens): string {
  const milliseconds = (read: (screens: Screens) => number) =>
    [few, many].map((screens) => (read(screens) / 1000).toFixed(1));
  return tableOf(["Screens, CPU in ms", `${few.servers} servers`, `${many.servers}`], [
    ...[...few.pages.keys()].map((path) => [
      path,
      ...milliseconds(({ pages }) => pages.get(path)!),
    ]),
    ["the view, per second", ...milliseconds(({ viewPerSecond }) => viewPerSecond)],
    ["one dashboard, per second", ...milliseconds(({ watcher }) => watcher)],
    ["each of ten, per second", ...milliseconds(({ tenWatchers }) => tenWatchers)],
    ["a frame of the terminal", ...milliseconds(({ frame }) => frame)],
  ]);
}

function churnTable(measured: readonly Churn[]): string {
  return tableOf(
    [
      `${PER_SECOND} servers replaced a second`,
      ...measured.flatMap(({ source }) => [`${source}, quiet`, "changing"]),
    ],
    [
      ["CPU per replaced server, ms", ...each(({ microseconds }) => ["", ms(microseconds / 1000)])],
      ["requests, none lost", ...served(({ requests }) => String(requests))],
      ["latency p50, ms", ...served(({ p50Ms }) => ms(p50Ms))],
      ["latency p99, ms", ...served(({ p99Ms }) => ms(p99Ms))],
      ["event loop late p99, ms", ...served(({ lagP99Ms }) => ms(lagP99Ms))],
      ["event loop late at most, ms", ...served(({ lagMaxMs }) => ms(lagMaxMs))],
      ["memory, MB", ...served(({ rss }) => (rss / 2 ** 20).toFixed(0))],
    ],
  );

  function each(cells: (churn: Churn) => readonly string[]): string[] {
    return measured.flatMap(cells);
  }
  function served(cell: (served: Churn["quiet"]) => string): string[] {
    return each(({ quiet, changing }) => [cell(quiet), cell(changing)]);
  }
}

const ms = (value: number) => value.toFixed(value < 10 ? 2 : 1);
