import { policyNames } from "../../src/routing/policies.ts";

/** Perfect information: reads the simulators' true state. */
export const PERFECT = "perfect";
/** Perfect information and the arrivals to come, for the mean time to first token. */
export const CLAIRVOYANT = "clairvoyant";
/** The same for the mean time per answer token, which includes the time to the first one. */
export const CLAIRVOYANT_PER_TOKEN = "clairvoyant_per_token";
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
  ...new Set([...DEFAULT_CONTENDERS, ...policyNames, CLAIRVOYANT, CLAIRVOYANT_PER_TOKEN]),
];

/** Baselines for ratios. */
export const REFERENCES: readonly string[] = [PERFECT, NGINX, HAPROXY, LEAST_LOAD];
