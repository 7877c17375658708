// @ts-check
/** @file What is known of one server, as labelled texts. */

/** @import { ServerDetail } from "../server_detail.ts" */
/** @import { ServerView } from "../view.ts" */
import { count, duration, lasting, percent, rate, smallPercent, span, UNKNOWN } from "./format.js";
import { stateText } from "./states.js";

/** @typedef {{ label: string, text: string, isLong?: boolean }} Fact */
/** @typedef {{ title: string, facts: Fact[] }} Facts */

const OUTCOMES = /** @type {const} */ ({
  ok: "Answered",
  client_error: "Client's error",
  client_closed: "Client left",
  outlier: "Rejected, but others accept",
  refused: "No connection",
  reset: "Connection broke",
  timeout: "No answer in time",
  bad_status: "Server error",
  backpressure: "Overloaded",
  draining: "Shutting down",
  aborted: "Answer aborted",
  truncated: "Answer broke off",
});

/**
 * @param {ServerView} server
 * @param {ServerDetail | undefined} detail `undefined` until it is loaded
 * @param {number} now wall-clock time in milliseconds
 * @returns {Facts[]}
 */
export function factsOf(server, detail, now) {
  /** @param {number | null | undefined} at */
  const ago = (at) => at === null || at === undefined ? UNKNOWN : `${span(now - at)} ago`;
  const { firstToken } = server;
  const { checks, pace, prefixCache, attempts } = detail ?? {};
  return [
    {
      title: "State",
      facts: [
        { label: "State", text: stateText(server.state) },
        { label: "For", text: lasting(server.since, now) },
        { label: "Reason", text: server.reason, isLong: true },
        { label: "Address", text: server.url, isLong: true },
        { label: "Engine", text: detail?.engine ?? UNKNOWN },
        { label: "Models", text: server.models.join(", ") || "none", isLong: true },
        { label: "Models listed", text: ago(detail?.modelsAt) },
      ],
    },
    {
      title: "Load",
      facts: [
        { label: "Usage", text: percent(server.usage) },
        { label: "Running", text: count(server.running) },
        { label: "Waiting", text: count(server.waiting) },
        { label: "Capacity", text: count(server.capacity) },
        { label: "In flight, this router's", text: count(server.inFlight) },
        { label: "Backlog, prompt tokens", text: count(server.pendingTokens) },
        { label: "KV cache in use", text: percent(server.kvCacheUsage) },
        { label: "Metrics read", text: ago(detail?.scrapedAt) },
      ],
    },
    {
      title: "Speed, last minute",
      facts: [
        { label: "TTFT p50", text: duration(firstToken.p50) },
        { label: "TTFT p95", text: duration(firstToken.p95) },
        { label: "TTFT p99", text: duration(firstToken.p99) },
        { label: "Tokens/s", text: rate(server.tokensPerSecond) },
      ],
    },
    {
      title: "Pace, learned",
      facts: [
        { label: "Prompt tokens/s", text: count(pace?.prefillTokensPerSecond) },
        { label: "Between tokens", text: milliseconds(pace?.interTokenMs) },
        { label: "TTFT, all cached", text: milliseconds(pace?.startMs) },
      ],
    },
    {
      title: "Prefix cache",
      facts: [
        { label: "Hits, last minute", text: percent(server.prefixHitRate) },
        { label: "Hits, predicted", text: percent(prefixCache?.predictedHitRate) },
        { label: "Hits, measured then", text: percent(prefixCache?.realHitRate) },
        { label: "Blocks expected", text: count(prefixCache?.blocks) },
      ],
    },
    {
      title: "Health checks",
      facts: [
        { label: "Passed lately", text: smallPercent(checks?.successRate) },
        { label: "Failed in a row", text: count(checks?.failedInARow) },
        { label: "Last one", text: ago(checks?.lastAt) },
        { label: "Took", text: milliseconds(checks?.lastMs) },
        { label: "Mean", text: milliseconds(checks?.meanMs) },
        { label: "In all", text: count(checks?.total) },
      ],
    },
    { title: "Attempts since the start", facts: attemptFacts(attempts) },
  ];
}

/**
 * @param {ServerDetail["attempts"] | undefined} attempts
 * @returns {Fact[]}
 */
function attemptFacts(attempts) {
  const kinds = /** @type {(keyof typeof OUTCOMES)[]} */ (Object.keys(OUTCOMES));
  const facts = kinds.filter((kind) => attempts?.[kind] !== undefined)
    .map((kind) => ({ label: OUTCOMES[kind], text: count(attempts?.[kind]) }));
  return facts.length > 0 ? facts : [{ label: "Answered", text: attempts ? "0" : UNKNOWN }];
}

/**
 * Formats milliseconds, with one decimal if they are few.
 *
 * @param {number | null | undefined} value
 */
const milliseconds = (value) =>
  value !== null && value !== undefined && value < 100 ? `${rate(value)} ms` : duration(value);
