// @ts-check
/// <reference lib="dom" />
/** @file The table of API keys; hidden if there are none. */

/** @import { KeyView } from "../view_tables.ts" */
import { byId } from "./elements.js";
import { count, percent, rate, toneOf } from "./format.js";
import { smallTable } from "./small_table.js";

export function keyTable() {
  const show = smallTable(
    "keys",
    "API keys: requests, tokens and the used share of limits.",
    /** @type {import("./small_table.js").SmallColumn<KeyView>[]} */ ([
      { label: "Key", kind: "words", text: ({ name }) => name },
      {
        label: "Requests",
        meaning: "Ended since the start",
        rank: "extra",
        text: ({ requests }) => count(requests),
      },
      {
        label: "Requests/s",
        meaning: "Over the last minute",
        text: ({ requestsPerSecond }) => rate(requestsPerSecond),
      },
      {
        label: "Tokens/min",
        meaning: "Prompt and answer tokens of the last minute",
        text: ({ tokensLastMinute }) => count(tokensLastMinute),
      },
      {
        label: "Of limit",
        meaning: "Used share of its limit of tokens that is closest to being reached",
        text: ({ limitShare }) => percent(limitShare),
        tone: ({ limitShare }) => toneOf(limitShare),
      },
    ]),
    ({ name }) => name,
  );
  return (/** @type {readonly KeyView[]} */ keys) => {
    byId("keys-panel").hidden = keys.length === 0;
    show(keys);
  };
}
