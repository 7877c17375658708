import type { Diagnostic } from "../config/schema.ts";
import { isDown, type ServerState } from "../fleet/state/server.ts";
import type { StateChange } from "../fleet/state/change.ts";
import type { Listener } from "./listener.ts";
import { type EventView, SHOWN_EVENTS } from "./view_tables.ts";
import { countsOf, inWords } from "./words.ts";

/** Recent events, one per transition. */
export interface Events {
  readonly listener: Partial<Listener>;
  /** Newest first. */
  list(): readonly EventView[];
  /** Servers' changes of state, newest first; not those when they start. */
  changes(): readonly EventView[];
}

/** Failovers from one server for one reason, and starts of servers, are one event for this long. */
const SAME_MS = 10_000;
/** Changes of state that are kept for the charts. */
const KEPT_CHANGES = 200;
/** Most servers that an event names. */
const NAMED = 4;

/** What an event covers. */
interface Merged {
  /** What its occurrences share. */
  readonly key: string;
  readonly count: number;
  /** Names of the first servers. */
  readonly servers: readonly string[];
  /** Monotonic time of the last occurrence, in milliseconds. */
  readonly at: number;
}

const NONE: Pick<Merged, "count" | "servers"> = { count: 0, servers: [] };

/**
 * @param now monotonic time in milliseconds
 * @param toWallTime converts a monotonic time to the wall clock, both in milliseconds
 */
export function createEvents(
  now: () => number,
  toWallTime: (time: number) => number,
): Events {
  const events: EventView[] = [];
  const changes: EventView[] = [];
  /** What each event covers that may cover several occurrences. */
  const merged = new WeakMap<EventView, Merged>();
  function add(event: Omit<EventView, "at">, time = now()): EventView {
    const shown = { at: toWallTime(time), ...event };
    events.unshift(shown);
    if (events.length > SHOWN_EVENTS) events.pop();
    return shown;
  }

  /**
   * Adds an event that takes the place of an earlier one of this key. A failing server moves
   * hundreds of requests, and a fleet starts at once: neither pushes out all other events.
   *
   * @param server name of the server that it occurred at
   */
  function merge(
    key: string,
    server: string,
    eventOf: (count: number, servers: readonly string[]) => Omit<EventView, "at">,
  ): void {
    const time = now();
    const at = events.findIndex((event) => {
      const same = merged.get(event);
      return same?.key === key && time - same.at < SAME_MS;
    });
    const { count, servers } = at === -1 ? NONE : merged.get(events.splice(at, 1)[0]!)!;
    const covered = {
      key,
      count: count + 1,
      servers: servers.length < NAMED ? [...servers, server] : servers,
      at: time,
    };
    merged.set(add(eventOf(covered.count, covered.servers), time), covered);
  }

  const reload = (tone: EventView["tone"], text: string) =>
    void add({ kind: "reload", tone, text, servers: [] });

  const listener: Partial<Listener> = {
    stateChanged({ server: { name }, from, to, reason }) {
      if (from === "checking" && to === "healthy") {
        return merge("start", name, (count, servers) => ({
          kind: "state",
          tone: "plain",
          text: `${listed(servers, count)} ${count === 1 ? "is" : "are"} healthy: check passed`,
          servers,
        }));
      }
      const text = `${name} is ${shown(to)}, was ${shown(from)}: ${reason}`;
      changes.unshift(add({ kind: "change", tone: toneOf(from, to), text, servers: [name] }));
      if (changes.length > KEPT_CHANGES) changes.pop();
    },
    noModels(server, why) {
      const text = `${server} doesn't list its models: ${why}`;
      add({ kind: "state", tone: "bad", text, servers: [server] });
    },
    noMetrics(server, why) {
      const text = `The metrics of ${server} can't be used: ${why}`;
      add({ kind: "state", tone: "bad", text, servers: [server] });
    },
    stateFileProblem(path, problem) {
      const text = `The state file ${path} ${problem}`;
      add({ kind: "state", tone: "bad", text, servers: [] });
    },
    failover({ from, to, reason }) {
      merge(`request ${from} ${reason}`, from, (count) => ({
        kind: "failover",
        tone: "bad",
        text: count === 1
          ? `A request moved from ${from} to ${to}: ${inWords(reason)}`
          : `${count} requests moved from ${from}: ${inWords(reason)}`,
        servers: count === 1 ? [from, to] : [from],
      }));
    },
    continued({ from, to, reason }) {
      merge(`stream ${from} ${reason}`, from, (count) => ({
        kind: "failover",
        tone: "bad",
        text: count === 1
          ? `A stream went on from ${from} to ${to}: ${inWords(reason)}`
          : `${count} streams of ${from} went on at other servers: ${inWords(reason)}`,
        servers: count === 1 ? [from, to] : [from],
      }));
    },
    reloaded(config, warnings) {
      const text = `Configuration reloaded, ${countsOf(config)}${firstOf(warnings)}`;
      reload(warnings.length === 0 ? "good" : "plain", text);
    },
    sourceFailed(source, reason) {
      const text = `${source} can't be read, so what it listed stays: ${reason}`;
      add({ kind: "state", tone: "bad", text, servers: [] });
    },
    sourceRecovered(source) {
      add({ kind: "state", tone: "good", text: `${source} can be read again`, servers: [] });
    },
    keysTurnedOff() {
      reload("bad", "KEYS ARE TURNED OFF: anyone may use the router");
    },
    notReloaded(problems) {
      reload("bad", `Configuration not applied, nothing changed${firstOf(problems)}`);
    },
  };
  return { listener, list: () => events.slice(), changes: () => changes.slice() };
}

/** Tells the first one, and how many more there are. */
function firstOf(problems: readonly Diagnostic[]): string {
  const [first] = problems;
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : "";
  return first ? `: ${first.where}: ${first.what}${more}` : "";
}

/** Lists the first names of so many. */
function listed(names: readonly string[], count: number): string {
  const more = count - names.length;
  if (more > 0) return `${names.join(", ")} and ${more} more`;
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Writes a state for people. */
const shown = (state: ServerState) => state.replace("_", " ");

function toneOf(from: StateChange["from"], to: StateChange["to"]): EventView["tone"] {
  if (isDown(to)) return "bad";
  return (isDown(from) || from === "half-open") && to === "healthy" ? "good" : "plain";
}
