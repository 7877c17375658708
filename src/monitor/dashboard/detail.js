// @ts-check
/// <reference lib="dom" />
/** @file What is known of the open server, in a row below its own. */

/** @import { ServerDetail } from "../server_detail.ts" */
/** @import { ServerView, View } from "../view.ts" */
/** @import { ShownEvent } from "./events.js" */
/** @import { Fact, Facts } from "./facts.js" */
import { element, keyed, setAttribute, setText } from "./elements.js";
import { eventList } from "./events.js";
import { factsOf } from "./facts.js";
import { close } from "./route.js";
import { wideRow } from "./wide_row.js";

/** Interval between two reads. Views come twice as often. */
const READ_MS = 900;
/** A read that takes longer is given up: its connection may be dead. */
const PATIENCE_MS = 3000;
/** Most events of the server. */
const SHOWN_EVENTS = 8;

/** @param {import("./mention.js").UrlOf} urlOf */
export function createDetail(urlOf) {
  const title = element("h3");
  const closing = element("button", "", "Close");
  closing.type = "button";
  closing.addEventListener("click", close);
  const groups = element("div", "facts");
  const showFacts = keyed(groups, (/** @type {Facts} */ { title }) => title, group);
  const eventsTitle = element("h4", "", "Latest events and failed requests");
  const events = element("ol", "events");
  const showEvents = eventList(events, urlOf);
  const panel = element(
    "section",
    "",
    element("div", "panel-head", title, closing),
    groups,
    eventsTitle,
    events,
  );
  const line = wideRow("detail", panel);
  line.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") close();
  });

  /** @type {ServerDetail | undefined} */
  let known;
  let readAt = -Infinity;
  let isReading = false;

  /** @param {string} url */
  async function read(url) {
    isReading = true;
    readAt = performance.now();
    try {
      const query = new URLSearchParams({ url });
      const answer = await fetch(`/dashboard/server?${query}`, {
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (answer.ok) known = await answer.json();
    } catch {
      // The banner tells of a lost connection.
    } finally {
      isReading = false;
    }
  }

  return {
    line,
    /**
     * @param {ServerView | undefined} server the open one
     * @param {View} view
     */
    update(server, view) {
      if (!server) return;
      const { url, name } = server;
      if (!isReading && (performance.now() - readAt > READ_MS || known?.url !== url)) {
        void read(url).then(() => fill(server, view));
      }
      setText(title, name);
      setAttribute(line, "data-state", server.state);
      fill(server, view);
      const own = happenedAt(name, view);
      showEvents(own.slice(0, SHOWN_EVENTS));
      eventsTitle.hidden = own.length === 0;
    },
  };

  /**
   * @param {ServerView} server
   * @param {View} view
   */
  function fill(server, view) {
    showFacts(factsOf(server, known?.url === server.url ? known : undefined, view.at));
  }
}

/**
 * Returns the events of a server and the failed requests that it was asked last, newest first.
 *
 * @param {string} name
 * @param {View} view
 * @returns {ShownEvent[]}
 */
function happenedAt(name, { events, failures }) {
  const failed = failures.filter(({ server }) => server === name)
    .map(({ at, status, reason, model, path }) => ({
      at,
      kind: /** @type {const} */ ("failure"),
      tone: /** @type {const} */ ("bad"),
      text: `${status}: ${reason} (${model ?? path})`,
      servers: [],
    }));
  return [...events.filter(({ servers }) => servers.includes(name)), ...failed]
    .sort((a, b) => b.at - a.at);
}

/** @param {Pick<Facts, "title">} facts */
function group({ title }) {
  const list = element("dl");
  const show = keyed(list, (/** @type {Fact} */ { label }) => label, ({ label, isLong }) => {
    const text = element("dd");
    const line = element("div", isLong ? "long" : "", element("dt", "", label), text);
    return { line, update: (/** @type {Fact} */ fact) => setText(text, fact.text) };
  });
  const line = element("div", "", element("h4", "", title), list);
  return { line, update: (/** @type {Facts} */ { facts }) => show(facts) };
}
