// @ts-check
/// <reference lib="dom" />
/** @file The row that stands for folded servers, and the reader's choice to see them. */

/** @import { ServerView } from "../view.ts" */
import { element, setAttribute, setText } from "./elements.js";
import { foldedText } from "./fold.js";
import { keep, recall } from "./memory.js";
import { wideRow } from "./wide_row.js";

const KEY = "unfolded";

/** @param {() => void} onToggle */
export function createFoldRow(onToggle) {
  let isOpen = recall(KEY) === "yes";
  const button = element("button");
  button.type = "button";
  button.addEventListener("click", () => {
    isOpen = !isOpen;
    keep(KEY, isOpen ? "yes" : "");
    onToggle();
  });
  const title = element("strong");
  const text = element("span", "quiet");
  return {
    line: wideRow("fold", element("div", "fold-line", title, text, button)),
    isOpen: () => isOpen,
    /** @param {readonly ServerView[]} servers */
    update(servers) {
      const told = foldedText(servers);
      setText(title, told.title);
      setText(text, told.text);
      setText(button, isOpen ? "Hide" : "Show");
      setAttribute(button, "aria-label", `${isOpen ? "Hide" : "Show"} the healthy servers`);
      setAttribute(button, "aria-expanded", String(isOpen));
    },
  };
}
