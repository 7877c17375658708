import type { EventView } from "../view_tables.ts";
import { timeOfDay } from "./format.ts";
import type { Palette } from "./paint.ts";
import { fit, harmless, oneLine } from "./text.ts";
import { type Extent, offsetOf, type Ui } from "./ui.ts";

const MARKS = { good: "✔", bad: "✖", plain: "•" };

/** Shows the latest events, newest first. */
export function eventLines(
  events: readonly EventView[],
  width: number,
  palette: Palette,
): string[] {
  if (events.length === 0) return [palette.quiet(fit("nothing yet", width))];
  return events.map(({ at, tone, text }) => {
    const time = timeOfDay(at);
    if (width <= time.length + 2) return palette.quiet(fit(time, width));
    const sentence = fit(`${MARKS[tone]} ${harmless(text)}`, width - time.length - 2);
    return `${palette.quiet(time)}  ${palette[tone](sentence)}`;
  });
}

/** Shows the keys and which of the servers are visible. */
export function footerLine(ui: Ui, extent: Extent, width: number, palette: Palette): string {
  if (ui.page !== "fleet") {
    const keys = ["q, Esc back", "? help", "m models", "a API keys"];
    return palette.quiet(fit(oneLine(keys, width, "  "), width));
  }
  const { urls, page } = extent;
  const offset = offsetOf(ui, extent);
  const visible = urls.length > page
    ? `${offset + 1}–${Math.min(urls.length, offset + page)} of ${urls.length}`
    : String(urls.length);
  const part = `${visible} ${ui.onlyUnhealthy ? "unhealthy" : "servers"}`;
  const keys = [
    "q quit",
    "? help",
    "↑↓ select",
    "Enter detail",
    `s sort: ${ui.sort}`,
    `f ${ui.onlyUnhealthy ? "all" : "unhealthy"}`,
    "m models",
    "a API keys",
  ];
  const room = width - part.length - 2;
  return palette.quiet(
    room < 6 ? fit(keys[0]!, width) : `${fit(oneLine(keys, room, "  "), room)}  ${part}`,
  );
}
