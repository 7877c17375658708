// @ts-check
/// <reference lib="dom" />
/** @file The table of the latest failed requests. */

/** @import { FailureView } from "../view_tables.ts" */
/** @import { UrlOf } from "./mention.js" */
import { copyOnClick } from "./copy.js";
import { byId, element } from "./elements.js";
import { timeElement } from "./events.js";
import { count, UNKNOWN } from "./format.js";
import { serverLink } from "./mention.js";
import { smallTable } from "./small_table.js";

/** @param {UrlOf} urlOf */
export function failureTable(urlOf) {
  const show = smallTable(
    "failures",
    "The latest requests that failed, newest first.",
    /** @type {import("./small_table.js").SmallColumn<FailureView>[]} */ ([
      { label: "Time", content: ({ at }) => timeElement(at) },
      { label: "Status", text: ({ status }) => String(status), tone: () => "bad" },
      { label: "Reason", kind: "words", text: ({ reason }) => reason },
      { label: "Model", kind: "words", text: ({ model }) => model ?? UNKNOWN },
      {
        label: "Server",
        meaning: "The last one that was asked",
        kind: "words",
        content: ({ server }) =>
          server === null ? element("span", "", UNKNOWN) : serverLink(server, urlOf),
      },
      {
        label: "Asked",
        rank: "minor",
        meaning: "Servers that were asked",
        text: ({ attempts }) => count(attempts),
      },
      { label: "Key", rank: "minor", kind: "words", text: ({ key }) => key ?? UNKNOWN },
      { label: "Path", rank: "minor", kind: "words", text: ({ path }) => path },
      { label: "Request id", meaning: "As in the log", kind: "words", content: idWithCopy },
    ]),
    ({ at, id }) => `${at} ${id}`,
  );
  return (/** @type {readonly FailureView[]} */ failures) => {
    byId("no-failures").hidden = failures.length > 0;
    byId("failures-box").hidden = failures.length === 0;
    show(failures);
  };
}

/** @param {FailureView} failure */
function idWithCopy({ id }) {
  const copy = element("button", "copy", "Copy");
  copy.type = "button";
  copy.setAttribute("aria-label", "Copy the request's id");
  copyOnClick(copy, () => id);
  const shown = element("code", "", id);
  shown.title = id;
  return element("span", "id", shown, copy);
}
