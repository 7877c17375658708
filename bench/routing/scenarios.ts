import type { Draft } from "./request.ts";
import type { ServerPlan } from "./servers.ts";
import { agents, flooded, longConversations, shortChats } from "./workloads.ts";

/** Makes the requests of a trace. */
export type TraceSource = (seed: number) => Iterable<Draft>;

/** Makes requests, of a trace where there is one. */
export type Source = (seed: number, trace?: TraceSource) => Iterable<Draft>;

/** A fleet, what is asked of it and what happens to it. */
export interface Scenario {
  readonly title: string;
  readonly servers: readonly ServerPlan[];
  /** What is asked. */
  readonly drafts: Source;
  /** Share of what the fleet could finish with every seat taken and every prefix found. */
  readonly utilisation: number;
  /** A replay is so many times as long as others: conversations take their time. */
  readonly stretch: number;
  /** Contenders of a kind side by side, each with its part of the requests. */
  readonly routers: number;
  /** The first server goes away in the middle and comes back with nothing in its cache. */
  readonly restart: boolean;
  /** No server says anything on its metrics page. */
  readonly metricsMissing: boolean;
  /** The mean and the p99 are to be at most so many times those of perfect information. */
  readonly aim: number;
}

/** How a server restarts, in seconds of the fleet's time. */
export const RESTART = { awaySeconds: 10, slowSeconds: 60, slowdown: 3 };

const UNEQUAL = [16, 16, 8, 4].map((seats) => ({ seats, speed: 1 }));
const EQUAL = [16, 16, 16, 16].map((seats) => ({ seats, speed: 1 }));
const ONE_HALF_AS_FAST = [1, 1, 1, 0.5].map((speed) => ({ seats: 16, speed }));

const chats: Source = (seed, trace) => trace?.(seed) ?? shortChats(seed);
const conversations: Source = (seed, trace) => trace?.(seed) ?? longConversations(seed);

const PLAIN = {
  drafts: chats,
  servers: EQUAL,
  utilisation: 0.8,
  stretch: 1,
  routers: 1,
  restart: false,
  metricsMissing: false,
  aim: 1.1,
};

/** Every scenario under the name that the command line knows it by. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  "seats": { ...PLAIN, title: "Servers with 16, 16, 8 and 4 seats", servers: UNEQUAL },
  "half-speed": {
    ...PLAIN,
    title: "One of four servers half as fast",
    servers: ONE_HALF_AS_FAST,
  },
  "sessions": {
    ...PLAIN,
    title: "Conversations that grow",
    drafts: conversations,
    utilisation: 0.7,
    stretch: 3,
  },
  "agents": {
    ...PLAIN,
    title: "Agents with long common prompts, which no trace has",
    drafts: (seed) => agents(seed),
    utilisation: 0.6,
  },
  "flood": {
    ...PLAIN,
    title: "One request in twenty of 20,000 tokens or more",
    drafts: (seed, trace) => flooded(chats(seed, trace), seed),
    utilisation: 0.7,
  },
  "two-routers": {
    ...PLAIN,
    title: "Two routers, half the requests each",
    servers: UNEQUAL,
    routers: 2,
    aim: 1.25,
  },
  "restart": {
    ...PLAIN,
    title: "A server restarts: cold, and slow for a minute",
    drafts: conversations,
    utilisation: 0.6,
    stretch: 3,
    restart: true,
  },
  "no-metrics": {
    ...PLAIN,
    title: "No server has metrics",
    servers: UNEQUAL,
    metricsMissing: true,
    aim: 1.25,
  },
};
