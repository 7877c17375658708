// @ts-check
/// <reference lib="dom" />
/** @file The table of API keys; hidden if there are none. */

/** @import { KeyView } from "../view_tables.ts" */
import { byId, element } from "./elements.js";
import { count, percent, toneOf } from "./format.js";

/** The table shown last, to detect changes. */
let before = "";

/** @param {readonly KeyView[]} keys */
export function updateKeys(keys) {
  const now = JSON.stringify(keys);
  if (now === before) return;
  before = now;
  byId("keys-panel").hidden = keys.length === 0;
  byId("keys").replaceChildren(...keys.map(row));
}

/** @param {KeyView} key */
function row({ name, requests, tokensLastMinute, limitShare }) {
  const title = element("th", "", name);
  title.scope = "row";
  title.setAttribute("role", "rowheader");
  const share = cell(percent(limitShare));
  share.dataset.tone = toneOf(limitShare);
  const line = element(
    "tr",
    "",
    title,
    cell(count(requests)),
    cell(count(tokensLastMinute)),
    share,
  );
  line.setAttribute("role", "row");
  return line;
}

/** @param {string} text */
function cell(text) {
  const made = element("td", "number", text);
  made.setAttribute("role", "cell");
  return made;
}
