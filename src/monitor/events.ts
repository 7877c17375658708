import { isDown } from "../fleet/state/server.ts";
import type { StateChange } from "../fleet/state/change.ts";
import type { Listener } from "./listener.ts";
import { type EventView, SHOWN_EVENTS } from "./view.ts";

/** Recent events, one per transition. */
export interface Events {
  readonly listener: Partial<Listener>;
  /** Newest first. */
  list(): readonly EventView[];
}

/** Failovers within this time from one server for one reason are merged into one event. */
const SAME_MS = 10_000;

/**
 * @param now monotonic time in milliseconds
 * @param toWallTime converts a monotonic time to the wall clock, both in milliseconds
 */
export function createEvents(
  now: () => number,
  toWallTime: (time: number) => number,
): Events {
  const events: EventView[] = [];
  /** For each failover event: its server and reason, how many requests it covers, and when. */
  const moves = new WeakMap<
    EventView,
    { readonly key: string; readonly count: number; readonly at: number }
  >();
  function add(
    kind: EventView["kind"],
    tone: EventView["tone"],
    text: string,
    time = now(),
  ): EventView {
    const event: EventView = { at: toWallTime(time), kind, tone, text };
    events.unshift(event);
    if (events.length > SHOWN_EVENTS) events.pop();
    return event;
  }

  /**
   * Adds that something moved. A failing server moves hundreds of requests. They are counted in one
   * event, so that they do not push out all others.
   */
  function move(key: string, textOf: (count: number) => string): void {
    const time = now();
    const at = events.findIndex((event) => {
      const move = moves.get(event);
      return move?.key === key && time - move.at < SAME_MS;
    });
    const count = at === -1 ? 1 : moves.get(events[at]!)!.count + 1;
    if (at !== -1) events.splice(at, 1);
    moves.set(add("failover", "bad", textOf(count), time), { key, count, at: time });
  }

  const listener: Partial<Listener> = {
    stateChanged({ server, from, to, reason }) {
      add("state", toneOf(from, to), `${server.name} is ${to}, was ${from}: ${reason}`);
    },
    noModels(server, why) {
      add("state", "bad", `${server} doesn't list its models: ${why}`);
    },
    noMetrics(server, why) {
      add("state", "bad", `The metrics of ${server} can't be used: ${why}`);
    },
    failover({ id, from, to, reason }) {
      move(
        `request ${from} ${reason}`,
        (count) =>
          count === 1
            ? `Request ${id} moved from ${from} to ${to}: ${reason}`
            : `${count} requests moved from ${from}: ${reason}`,
      );
    },
    continued({ id, from, to, reason }) {
      move(
        `stream ${from} ${reason}`,
        (count) =>
          count === 1
            ? `The stream of request ${id} went on from ${from} to ${to}: ${reason}`
            : `${count} streams of ${from} went on at other servers: ${reason}`,
      );
    },
    reloaded({ servers }) {
      add("reload", "good", `Configuration reloaded, ${servers.length} servers`);
    },
    keysTurnedOff() {
      add("reload", "bad", "KEYS ARE TURNED OFF: anyone may use the router");
    },
    notReloaded(problems) {
      const [first] = problems;
      const more = problems.length > 1 ? ` and ${problems.length - 1} more` : "";
      const what = first ? `: ${first.where}: ${first.what}${more}` : "";
      add("reload", "bad", `Configuration not applied, nothing changed${what}`);
    },
  };
  return { listener, list: () => events.slice() };
}

function toneOf(from: StateChange["from"], to: StateChange["to"]): EventView["tone"] {
  if (isDown(to)) return "bad";
  return (isDown(from) || from === "half-open") && to === "healthy" ? "good" : "plain";
}
