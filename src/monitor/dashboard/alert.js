// @ts-check
/// <reference lib="dom" />
/** @file Shows what is wrong: in a banner above all, in the tab's title and in its icon. */

/** @import { View } from "../view.ts" */
import { alarmOf } from "./alarms.js";
import { byId, setAttribute, setText } from "./elements.js";
import { count } from "./format.js";
import { isFailing } from "./states.js";

const TITLE = "vLLM Router";

/** @param {View} view */
export function updateAlert(view) {
  const alarm = alarmOf(view);
  const banner = byId("alarm");
  banner.hidden = alarm === undefined;
  setAttribute(banner, "data-tone", alarm?.tone ?? null);
  // Read out when it changes; its text counts seconds.
  setText(byId("alarm-title"), alarm?.title ?? "");
  setText(byId("alarm-text"), alarm?.text ?? "");
  setAttribute(document.body, "data-alarm", alarm?.tone ?? null);
  const down = view.servers.filter(({ state }) => isFailing(state)).length;
  showInTab(down === 0 ? "" : `${count(down)} down`);
}

/**
 * Shows a problem in the browser's tab.
 *
 * @param {string} problem `""` if there is none
 */
export function showInTab(problem) {
  const title = problem ? `(${problem}) ${TITLE}` : TITLE;
  if (document.title !== title) document.title = title;
  setAttribute(byId("icon"), "href", `/dashboard/icon${problem ? "-down" : ""}.svg`);
}
