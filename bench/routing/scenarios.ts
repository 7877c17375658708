import type { Draft } from "./request.ts";
import { BLOCKS_PER_SEAT, type ServerPlan } from "./servers.ts";
import {
  agents,
  flooded,
  longConversations,
  longEnds,
  sharedBeginnings,
  shortChats,
} from "./workloads.ts";

/** Generates requests from a trace. */
export type TraceSource = (seed: number) => Iterable<Draft>;

/** Generates requests, from a trace if given. */
export type Source = (seed: number, trace?: TraceSource) => Iterable<Draft>;

/** A fleet, its workload and its events. */
export interface Scenario {
  readonly title: string;
  readonly servers: readonly ServerPlan[];
  /** The workload. */
  readonly drafts: Source;
  /** Share of the fleet's capacity with every seat taken and every prefix cached. */
  readonly utilisation: number;
  /** Factor that lengthens a replay, since conversations take longer. */
  readonly stretch: number;
  /** Number of instances of a contender, which share the requests. */
  readonly routers: number;
  /** Whether they are each other's peers. */
  readonly peersTalk: boolean;
  /** Whether the first server goes down halfway and returns with an empty cache. */
  readonly restart: boolean;
  /** Whether the contender gets no requests before the replay. Without sockets it never does. */
  readonly cold: boolean;
  /** Whether all servers' metrics pages have no metrics. */
  readonly metricsMissing: boolean;
  readonly aim: Aim;
}

/** Maximum ratios of the time to first token to that with perfect information. */
export interface Aim {
  readonly mean: number;
  readonly p99: number;
}

/** How a server restarts, in seconds of fleet time. */
export const RESTART = { awaySeconds: 10, slowSeconds: 60, slowdown: 3 };

const UNEQUAL = [16, 16, 8, 4].map((seats) => ({ seats, speed: 1 }));
const EQUAL = [16, 16, 16, 16].map((seats) => ({ seats, speed: 1 }));
const ONE_HALF_AS_FAST = [1, 1, 1, 0.5].map((speed) => ({ seats: 16, speed }));

/** Real servers: 2,400 tokens per second for short prompts, 770 for 9,000 tokens. */
const SLOWING = [8, 8, 8, 8].map((seats) => ({
  seats,
  speed: 1,
  prefill: { prefillTokensPerSecond: 2400, prefillDoublesAt: 2125 },
}));
const SMALL_CACHES = EQUAL.map((plan) => ({ ...plan, blocksPerSeat: BLOCKS_PER_SEAT / 8 }));

const chats: Source = (seed, trace) => trace?.(seed) ?? shortChats(seed);
const conversations: Source = (seed, trace) => trace?.(seed) ?? longConversations(seed);

/** Where part of the load can't be seen. */
const BLIND_AIM: Aim = { mean: 1.25, p99: 1.25 };

const PLAIN = {
  drafts: chats,
  servers: EQUAL,
  utilisation: 0.8,
  stretch: 1,
  routers: 1,
  peersTalk: false,
  restart: false,
  cold: false,
  metricsMissing: false,
  aim: { mean: 1.08, p99: 1.15 },
};

const TWO_AGENTS: Scenario = {
  ...PLAIN,
  title: "Agents whose steps go through either of two routers",
  drafts: (seed) => agents(seed),
  utilisation: 0.6,
  routers: 2,
};
const TWO_SESSIONS: Scenario = {
  ...PLAIN,
  title: "Conversations whose turns go through either of two routers",
  drafts: conversations,
  utilisation: 0.7,
  stretch: 3,
  routers: 2,
};

/** All scenarios, by their command-line name. */
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
    aim: BLIND_AIM,
  },
  "two-agents": { ...TWO_AGENTS, aim: BLIND_AIM },
  "two-sessions": { ...TWO_SESSIONS, aim: BLIND_AIM },
  "two-peers": {
    ...PLAIN,
    title: "Two routers, half the requests each, that tell each other",
    servers: UNEQUAL,
    routers: 2,
    peersTalk: true,
    aim: { mean: 1.05, p99: 1.12 },
  },
  "two-agents-peers": { ...TWO_AGENTS, peersTalk: true },
  "two-sessions-peers": { ...TWO_SESSIONS, peersTalk: true },
  "four-peers": {
    ...PLAIN,
    title: "Four routers, a quarter of the requests each, that tell each other",
    servers: UNEQUAL,
    routers: 4,
    peersTalk: true,
    aim: { mean: 1.1, p99: 1.2 },
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
    aim: BLIND_AIM,
  },
  "cold": {
    ...PLAIN,
    title: "The first minute of a router, with servers slower than it assumes",
    servers: SLOWING,
    drafts: (seed) => sharedBeginnings(seed),
    utilisation: 0.3,
    stretch: 0.25,
    cold: true,
  },
  "long": {
    ...PLAIN,
    title: "Prefill that slows with length",
    servers: SLOWING,
    drafts: (seed) => longEnds(seed),
    utilisation: 0.6,
  },
  "small-caches": {
    ...PLAIN,
    title: "Agents, and caches an eighth as large",
    servers: SMALL_CACHES,
    drafts: (seed) => agents(seed),
    utilisation: 0.4,
  },
};
