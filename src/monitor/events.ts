import type { StateChange } from "../fleet/server.ts";
import type { Listener } from "./listener.ts";
import { type EventView, SHOWN_EVENTS } from "./view.ts";

/** What happened lately, once for each transition. */
export interface Events {
  readonly listener: Partial<Listener>;
  /** Newest first. */
  list(): readonly EventView[];
}

/** @param now clock time in milliseconds */
export function createEvents(now: () => number): Events {
  const events: EventView[] = [];
  function add(kind: EventView["kind"], tone: EventView["tone"], text: string) {
    events.unshift({ at: now(), kind, tone, text });
    if (events.length > SHOWN_EVENTS) events.pop();
  }
  const listener: Partial<Listener> = {
    stateChanged({ server, from, to, reason }) {
      add("state", toneOf(from, to), `${server} is ${to}, was ${from}: ${reason}`);
    },
    failover({ id, from, to, reason }) {
      add("failover", "bad", `Request ${id} moved from ${from} to ${to}: ${reason}`);
    },
    reloaded({ servers }) {
      add("reload", "good", `Configuration reloaded, ${servers.length} servers`);
    },
    notReloaded(problems) {
      const [first] = problems;
      const more = problems.length > 1 ? ` and ${problems.length - 1} more` : "";
      const what = first ? `: ${first.where}: ${first.what}${more}` : "";
      add("reload", "bad", `Configuration not taken, nothing changed${what}`);
    },
  };
  return { listener, list: () => events.slice() };
}

function toneOf(from: StateChange["from"], to: StateChange["to"]): EventView["tone"] {
  if (to === "unhealthy") return "bad";
  return from === "unhealthy" && to === "healthy" ? "good" : "plain";
}
