// @ts-check
/// <reference lib="dom" />
/** @file The page's head: the address for clients, a command to try, uptime and version. */

/** @import { View } from "../view.ts" */
import { baseUrl, curlCommand } from "./address.js";
import { copyOnClick } from "./copy.js";
import { byId, setAttribute, setText } from "./elements.js";
import { span } from "./format.js";

export function showHeader() {
  const toggle = byId("try");
  const box = byId("curl-box");
  toggle.addEventListener("click", () => {
    box.hidden = !box.hidden;
    setAttribute(toggle, "aria-expanded", String(!box.hidden));
  });
  copyOnClick(byId("copy-address"), () => byId("address").textContent ?? "");
  copyOnClick(byId("copy-curl"), () => byId("curl").textContent ?? "");
}

/** @param {View} view */
export function updateHeader(view) {
  const base = baseUrl(view, location);
  setText(byId("address"), base);
  setText(byId("curl"), curlCommand(view, base));
  byId("needs-key").hidden = view.keys.length === 0;
  setText(byId("uptime"), span(view.at - view.startedAt));
  setText(byId("version"), view.version);
}
