import { z } from "zod";
import { levelNamed, logLevels } from "./log_level.ts";
import { policyNames } from "../routing/policies.ts";

/** A value as a message quotes it. Tables and lists are not: there may be keys in them. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null && !(value instanceof Date)) return "a table";
  return JSON.stringify(value) ?? String(value);
}

function expected<T>(what: string, accepts: (value: unknown) => boolean) {
  return z.custom<T>(accepts, {
    error: (issue) => `expected ${what}, got ${shown(issue.input)}`,
  });
}

const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);

const wholeNumber = (least: number) =>
  expected<number>(
    `a whole number of at least ${least}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= least,
  );

/** A day is longer than any interval here makes sense for, and keeps timers in range. */
const LONGEST_SECONDS = 86_400;

const anySeconds = expected<number>(
  `a number of seconds above 0 and up to ${LONGEST_SECONDS}`,
  (value) => isNumber(value) && value > 0 && value <= LONGEST_SECONDS,
);
const seconds = (fallback: number) => anySeconds.default(fallback);
const secondsOrNone = expected<number>(
  `a number of seconds from 0 to ${LONGEST_SECONDS}`,
  (value) => isNumber(value) && value >= 0 && value <= LONGEST_SECONDS,
);

const share = expected<number>(
  "a number from 0 to 1",
  (value) => isNumber(value) && value >= 0 && value <= 1,
);
const yesOrNo = expected<boolean>(
  "true or false",
  (value) => typeof value === "boolean",
);
const text = expected<string>(
  "a text that is not empty",
  (value) => typeof value === "string" && value.trim() !== "",
);
const table = (what: string) => ({
  error: (issue: { input?: unknown }) => `expected ${what}, got ${shown(issue.input)}`,
});

/** One entry of `servers.servers`. */
export const serverShape = z.looseObject(
  {
    url: text,
    max_concurrent_requests: wholeNumber(1).default(3),
    name: text.optional(),
    api_key: z.custom<string>((value) => typeof value === "string" && value.trim() !== "", {
      error: "expected a text that is not empty; what is there is not repeated",
    }).optional(),
    models: z.array(text, table("a list of model names")).min(
      1,
      "expected at least one model name",
    )
      .optional(),
  },
  table(
    'a server such as { url = "http://gpu-server-1:8081", max_concurrent_requests = 3 }',
  ),
);

/** The table `[config]`, with the defaults. */
export const settingsShape = z.looseObject({
  policy: expected<string>(
    `one of ${policyNames.join(", ")}`,
    (value) => typeof value === "string" && policyNames.includes(value),
  ).default("least_load"),
  log_level: expected<string>(
    `one of ${logLevels.join(", ")}`,
    (value) => typeof value === "string" && levelNamed(value) !== undefined,
  ).optional(),
  metrics_interval: seconds(0.5),
  health_check_interval: seconds(10),
  health_check_timeout: seconds(5),
  connect_timeout: seconds(5),
  request_timeout: seconds(120),
  chunk_timeout: anySeconds.optional(),
  total_timeout: anySeconds.optional(),
  stall_timeout: seconds(30),
  max_retries: wholeNumber(0).default(3),
  max_in_flight: wholeNumber(1).default(10_000),
  body_buffer_mib: wholeNumber(1).default(512),
  drain_timeout: secondsOrNone.default(120),
  drain_delay: secondsOrNone.default(0),
  config_reload_interval: seconds(30),
  failure_threshold: wholeNumber(1).default(2),
  auto_recovery_threshold: seconds(60),
  enable_active_health_check: yesOrNo.default(true),
  health_check_max_response_time: seconds(10),
  health_check_min_success_rate: share.default(0.8),
  health_check_window_size: wholeNumber(1).default(10),
  health_check_consecutive_failures: wholeNumber(1).default(3),
}, table("a table"));

/** A whole configuration file. Unknown keys pass: they are warned of, not refused. */
export const fileShape = z.looseObject({
  servers: z.looseObject({
    servers: z.array(serverShape, table("a list of servers"))
      .min(1, "expected at least one server, got an empty list"),
  }, table("a table [servers] with a list named servers")),
  config: settingsShape.prefault({}),
});

/** The table `[config]` once it has passed, in the file's own units. */
export type RawSettings = z.output<typeof settingsShape>;
