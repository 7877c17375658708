import { policyNames } from "../../src/routing/policies.ts";

/** Reads the simulators' true state. */
export const PERFECT = "perfect";
/** `least_conn`, with the seats as weights. */
export const NGINX = "nginx";
/** `leastconn`, with the seats as weights. */
export const HAPROXY = "HAProxy";
/** The policy that the aims are for. */
export const LEAST_WORK = "least_work";
export const ROUND_ROBIN = "round_robin";
export const LEAST_LOAD = "least_load";

/** Who runs where nobody is named; the router's policies have their own names. */
export const DEFAULT_CONTENDERS: readonly string[] = [
  ROUND_ROBIN,
  LEAST_LOAD,
  LEAST_WORK,
  NGINX,
  HAPROXY,
  PERFECT,
];

/** Who can be named. */
export const CONTENDERS: readonly string[] = [
  ...new Set([...DEFAULT_CONTENDERS, ...policyNames]),
];

/** What others are compared with. */
export const REFERENCES: readonly string[] = [PERFECT, NGINX, HAPROXY, LEAST_LOAD];
