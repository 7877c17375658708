// @ts-check
/** @file What a person must know before anything else: the fleet, or a model, can't answer. */

/** @import { ServerView, View } from "../view.ts" */
/** @import { ModelView } from "../view_tables.ts" */
import { count, lasting } from "./format.js";

/**
 * @typedef {object} Alarm
 * @property {"bad" | "warn"} tone
 * @property {string} title
 * @property {string} text
 */

/** If no server has been healthy since so soon after the start, the router is still starting. */
const START_MS = 2000;
/** Most names in a sentence. */
const NAMED = 3;
/** Most characters of a name. */
const NAME_LENGTH = 60;
/** Most characters of a reason. It is long because the end may say what to do. */
const REASON_LENGTH = 300;

/**
 * Returns the alarm of the whole fleet or, if a server is healthy, that of models, of sources of
 * servers or of other routers.
 *
 * @param {View} view
 * @returns {Alarm | undefined}
 */
export function alarmOf(view) {
  return withWarning(withWarning(clientAlarm(view), sourceWarning(view)), peerWarning(view));
}

/**
 * Adds a warning to an alarm.
 *
 * @param {Alarm | undefined} alarm
 * @param {Alarm | undefined} warning
 * @returns {Alarm | undefined}
 */
function withWarning(alarm, warning) {
  if (!alarm || !warning) return alarm ?? warning;
  return { ...alarm, text: `${ended(alarm.text)} ${warning.title}. ${warning.text}` };
}

/**
 * @param {View} view
 * @returns {Alarm | undefined}
 */
function peerWarning({ peers, at }) {
  const away = peers.filter(({ up, since }) => !up && at - since >= START_MS);
  const [first] = away;
  if (!first) return undefined;
  const names = listed(away.map(({ router }) => ({ name: router })));
  const title = away.length === 1 ? `Peer ${names} is away` : `Peers ${names} are away`;
  const text =
    `For ${lasting(first.since, at)}: ${ended(clipped(first.problem ?? "", REASON_LENGTH))} ` +
    `${away.length === 1 ? "Its" : "Their"} requests show only in the servers' metrics.`;
  return { tone: "warn", title, text };
}

/**
 * @param {View} view
 * @returns {Alarm | undefined}
 */
function sourceWarning(view) {
  const failing = view.sources.filter(({ failedSince }) => failedSince !== null);
  const [first] = failing;
  if (!first) return undefined;
  const title = `${listed(failing)} can't be read`;
  const since = `For ${lasting(first.failedSince ?? 0, view.at)}: ${
    ended(clipped(first.failure ?? "", REASON_LENGTH))
  }`;
  const text = `${since} What ${failing.length === 1 ? "it" : "they"} listed stays.`;
  return { tone: "warn", title, text };
}

/**
 * @param {View} view
 * @returns {Alarm | undefined}
 */
function clientAlarm(view) {
  const { totals: { noneHealthySince }, models } = view;
  if (noneHealthySince !== null) return fleetAlarm(view, noneHealthySince);
  const dead = models.filter(({ healthy }) => healthy === 0);
  return dead.length === 0 ? undefined : modelAlarm(view, dead);
}

/**
 * @param {View} view
 * @param {number} since
 * @returns {Alarm}
 */
function fleetAlarm({ at, startedAt, servers, sources, totals }, since) {
  const time = lasting(since, at);
  const tried = servers.filter(({ state }) => state === "half-open");
  const checked = servers.filter(({ state }) => state === "checking").length;
  if (totals.servers === 0) {
    const title = sources.length === 0 ? "No server is configured" : "No servers yet";
    return { tone: "bad", title, text: "Clients get 503." };
  }
  if (tried.length > 0) {
    return {
      tone: "bad",
      title: "No server is healthy",
      text: `For ${time}. ${trying(tried)} Other clients get 503.`,
    };
  }
  if (checked > 0 && since - startedAt < START_MS) {
    return {
      tone: "warn",
      title: "Starting",
      text: `${count(checked)} of ${serversAre(totals.servers)} still being checked. ` +
        "Until one is healthy, clients get 503.",
    };
  }
  return {
    tone: "bad",
    title: "No server takes requests",
    text: `Clients get 503, for ${time}. ${reasonsOf(servers)}`.trim(),
  };
}

/**
 * @param {View} view
 * @param {readonly ModelView[]} dead
 * @returns {Alarm}
 */
function modelAlarm({ servers }, dead) {
  const of = servers.filter(({ models }) => dead.some(({ name }) => models.includes(name)));
  const tried = of.filter(({ state }) => state === "half-open");
  return {
    tone: "bad",
    title: `No healthy server has ${listed(dead)}`,
    text: tried.length > 0
      ? `${trying(tried)} Other clients get 503.`
      : `Clients that ask for ${dead.length === 1 ? "it" : "them"} get 503. ${reasonsOf(of)}`
        .trim(),
  };
}

/** @param {readonly ServerView[]} servers */
function trying(servers) {
  return servers.length === 1
    ? `${listed(servers)} takes one request at a time until one succeeds.`
    : `${listed(servers)} take one request at a time each until one succeeds.`;
}

/** @param {number} number */
const serversAre = (number) => `${count(number)} ${number === 1 ? "server is" : "servers are"}`;

/**
 * Tells why they are out if all are for the same reason.
 *
 * @param {readonly ServerView[]} servers
 */
function reasonsOf(servers) {
  // How many checks failed differs.
  const [reason, ...others] = new Set(servers.map(({ reason }) => reason.replace(/^\d+ /, "")));
  if (others.length > 0 || !reason) return "";
  return `${servers.length === 1 ? "Reason" : "All for the same reason"}: ${
    clipped(reason, REASON_LENGTH)
  }`;
}

/** @param {readonly { readonly name: string }[]} all */
function listed(all) {
  const names = all.slice(0, NAMED).map(({ name }) => clipped(name, NAME_LENGTH));
  const more = all.length - names.length;
  if (more > 0) return `${names.join(", ")} and ${count(more)} more`;
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/**
 * @param {string} text
 * @param {number} most
 */
const clipped = (text, most) => text.length > most ? `${text.slice(0, most)}…` : text;

/**
 * Ends a sentence whose words may come from elsewhere.
 *
 * @param {string} text
 */
const ended = (text) => /[.!?…]$/.test(text) ? text : `${text}.`;
