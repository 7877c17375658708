import type { View } from "../view.ts";
import type { EventView } from "../view_tables.ts";
import { paintOfUsage, type Palette } from "./paint.ts";
import { bar, count, fit, flow, harmless, percent, shortCount, span } from "./text.ts";
import type { Extent, Ui } from "./ui.ts";

/** Below this many columns the load bar is short, so that everything fits on one line. */
const NARROW = 100;
/** From this many columns, the backlog fits on the same line. */
const WIDE = 120;

/** Shows the router's version, address and uptime. */
export function identityLines(view: View, width: number, palette: Palette): string[] {
  return flow([
    palette.title(`vllm-router ${harmless(view.version)}`),
    harmless(view.address),
    palette.quiet(`up ${span(view.at - view.startedAt)}`),
  ], width);
}

/** Shows the totals of the fleet. */
export function totalsLines({ totals }: View, width: number, palette: Palette): string[] {
  const { healthy, servers, load, failovers } = totals;
  const paintOfHealth = healthy === servers
    ? palette.good
    : healthy === 0
    ? palette.bad
    : palette.warning;
  const pieces = [
    paintOfHealth(`${healthy} of ${servers} healthy`),
    `load ${paintOfUsage(load, palette)(`${bar(load, width < NARROW ? 5 : 10)} ${percent(load)}`)}`,
    `${count(totals.requestsPerSecond)} requests/s`,
    `${count(totals.tokensPerSecond)} tokens/s`,
    (failovers > 0 ? palette.warning : palette.plain)(
      `${failovers.toLocaleString("en-US")} failover${failovers === 1 ? "" : "s"}`,
    ),
  ];
  if (width >= WIDE) pieces.push(`${shortCount(totals.pendingTokens)} tokens to prefill`);
  return flow(pieces, width);
}

/** Shows the latest events, newest first. */
export function eventLines(
  events: readonly EventView[],
  width: number,
  palette: Palette,
): string[] {
  if (events.length === 0) return [palette.quiet(fit("nothing yet", width))];
  return events.map(({ at, tone, text }) => {
    const time = new Date(at).toTimeString().slice(0, 8);
    if (width <= time.length + 2) return palette.quiet(fit(time, width));
    const sentence = fit(harmless(text), width - time.length - 2);
    return `${palette.quiet(time)}  ${palette[tone](sentence)}`;
  });
}

/** Shows the keys and which of the servers are visible. */
export function footerLine(ui: Ui, extent: Extent, width: number, palette: Palette): string {
  const last = Math.min(extent.rows, ui.offset + extent.page);
  const part = extent.rows > extent.page
    ? `${ui.offset + 1}–${last} of ${extent.rows}`
    : `${extent.rows} shown`;
  const filter = ui.onlyUnhealthy ? "only unhealthy" : "all";
  const keys = `q quit   ? help   s sort: ${ui.sort}   f show: ${filter}   ↑↓ scroll`;
  const room = width - part.length - 3;
  return palette.quiet(room < 6 ? fit(keys, width) : `${fit(keys, room)}   ${part}`);
}

/** Explains keys and columns. */
export function helpLines(palette: Palette): string[] {
  const key = (name: string, what: string) => `${palette.title(fit(name, 20))}${what}`;
  return [
    palette.heading("Keys"),
    key("q, Ctrl-C", "quit; a router finishes what it has first"),
    key("↑ ↓ Page Home End", "scroll"),
    key("s", "next order of the servers"),
    key("f", "only unhealthy servers, or all"),
    key("?", "this help; any key closes it"),
    "",
    palette.heading("Columns"),
    key("run, wait, cap", "requests running and waiting, and room for"),
    key("usage", "running and waiting, of the capacity"),
    key("KV", "KV cache in use"),
    key("prefix hits", "prompt tokens found in the prefix cache, last minute"),
    key("backlog, todo", "prompt tokens of this router yet to be computed, estimated"),
    key("TTFT, p50 and p95", "time to first token, last minute"),
    key("tok/s, err", "tokens generated a second, failed attempts"),
  ];
}
