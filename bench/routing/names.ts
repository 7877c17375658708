import { policyNames } from "../../src/routing/policies.ts";

/** Perfect information: reads the simulators' true state. */
export const PERFECT = "perfect";
/** nginx `least_conn`, with the seats as weights. */
export const NGINX = "nginx";
/** HAProxy `leastconn`, with the seats as weights. */
export const HAPROXY = "HAProxy";
/** The policy that the aims apply to. */
export const LEAST_WORK = "least_work";
export const ROUND_ROBIN = "round_robin";
export const LEAST_LOAD = "least_load";

/** Contenders that run by default. The router's policies have their own names. */
export const DEFAULT_CONTENDERS: readonly string[] = [
  ROUND_ROBIN,
  LEAST_LOAD,
  LEAST_WORK,
  NGINX,
  HAPROXY,
  PERFECT,
];

/** All valid contenders. */
export const CONTENDERS: readonly string[] = [
  ...new Set([...DEFAULT_CONTENDERS, ...policyNames]),
];

/** Baselines for ratios. */
export const REFERENCES: readonly string[] = [PERFECT, NGINX, HAPROXY, LEAST_LOAD];
