// @ts-check
/// <reference lib="dom" />
/** @file The table of models. */

/** @import { ModelView } from "../view_tables.ts" */
import { byId } from "./elements.js";
import { count, duration, rate, smallPercent } from "./format.js";
import { smallTable } from "./small_table.js";

export function modelTable() {
  const show = smallTable(
    "models",
    "Models: healthy servers, requests, failures and times to first token.",
    /** @type {import("./small_table.js").SmallColumn<ModelView>[]} */ ([
      { label: "Model", kind: "words", text: ({ name }) => name },
      {
        label: "Healthy",
        meaning: "Healthy servers, of those that list it",
        text: ({ healthy, servers }) => `${count(healthy)} of ${count(servers)}`,
        tone: ({ healthy, servers }) =>
          healthy === 0 ? "bad" : healthy < servers ? "warn" : "plain",
      },
      {
        label: "Requests/s",
        meaning: "Over the last minute",
        text: ({ requestsPerSecond }) => rate(requestsPerSecond),
      },
      {
        label: "Failed",
        meaning: "Share of the requests of the last minute",
        text: ({ failedShare }) => smallPercent(failedShare),
        tone: ({ failedShare }) => failureTone(failedShare),
      },
      {
        label: "TTFT p50",
        meaning: "Time to first token, last minute: half took at most that",
        text: ({ firstToken }) => duration(firstToken.p50),
      },
      {
        label: "TTFT p95",
        meaning: "Time to first token, last minute: 95% took at most that",
        rank: "extra",
        text: ({ firstToken }) => duration(firstToken.p95),
      },
    ]),
    ({ name }) => name,
  );
  return (/** @type {readonly ModelView[]} */ models) => {
    byId("models-panel").hidden = models.length === 0;
    show(models);
  };
}

/**
 * Returns the colour of a share of failed requests: yellow above 0, red from 1%.
 *
 * @param {number | null} share
 */
export function failureTone(share) {
  if (!share) return "plain";
  return share < 0.01 ? "warn" : "bad";
}
