import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { policyNames } from "../routing/policies.ts";
import type { Config, ServerConfig } from "./config.ts";

/** Something to tell the operator: where it stands and what is the matter. */
export interface Problem {
  /** Key path such as `servers.servers[1].url`, or `line 3, column 7`. */
  readonly where: string;
  readonly what: string;
}

/** A usable configuration with its warnings, or every problem that keeps it from being one. */
export type Checked =
  | {
    readonly ok: true;
    readonly config: Config;
    readonly warnings: readonly Problem[];
  }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Looks up an environment variable, for `${NAME}` in keys. */
export type ReadEnv = (name: string) => string | undefined;

function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value) ?? String(value);
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

const seconds = (fallback: number) =>
  expected<number>(
    `a number of seconds above 0 and up to ${LONGEST_SECONDS}`,
    (value) => isNumber(value) && value > 0 && value <= LONGEST_SECONDS,
  ).default(fallback);

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

const serverSchema = z.looseObject(
  {
    url: text,
    max_concurrent_requests: wholeNumber(1).default(3),
    name: text.optional(),
    api_key: text.optional(),
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

const settingsSchema = z.looseObject({
  policy: expected<string>(
    `one of ${policyNames.join(", ")}`,
    (value) => policyNames.includes(String(value)),
  ).default("least_load"),
  metrics_interval: seconds(0.5),
  health_check_interval: seconds(10),
  health_check_timeout: seconds(5),
  request_timeout: seconds(120),
  max_retries: wholeNumber(0).default(3),
  config_reload_interval: seconds(30),
  failure_threshold: wholeNumber(1).default(2),
  auto_recovery_threshold: seconds(60),
  enable_active_health_check: yesOrNo.default(true),
  health_check_max_response_time: seconds(10),
  health_check_min_success_rate: share.default(0.8),
  health_check_window_size: wholeNumber(1).default(10),
  health_check_consecutive_failures: wholeNumber(1).default(3),
}, table("a table"));

const fileSchema = z.looseObject({
  servers: z.looseObject({
    servers: z.array(serverSchema, table("a list of servers"))
      .min(1, "expected at least one server, got an empty list"),
  }, table("a table [servers] with a list named servers")),
  config: settingsSchema.prefault({}),
});

type RawServer = z.output<typeof serverSchema>;
type RawSettings = z.output<typeof settingsSchema>;

/**
 * Checks a parsed configuration file and reports every problem at once.
 * Unknown keys are warnings that name the nearest known key.
 */
export function checkConfig(raw: unknown, readEnv: ReadEnv): Checked {
  const parsed = fileSchema.safeParse(raw);
  const problems: Problem[] = parsed.success ? [] : parsed.error.issues.map((issue) => ({
    where: keyPath(issue.path),
    what: issue.message,
  }));
  const rawServers = (raw as { servers?: { servers?: unknown } } | null)
    ?.servers?.servers;
  const addresses = checkAddresses(
    Array.isArray(rawServers) ? rawServers : [],
    problems,
  );
  if (!parsed.success) return { ok: false, problems };

  const servers = parsed.data.servers.servers.map(
    (server, index): ServerConfig => {
      const url = addresses[index] ?? server.url;
      const apiKey = expandEnv(server.api_key, index, readEnv, problems);
      return {
        url,
        name: server.name ?? url.replace(/^https?:\/\//, ""),
        capacity: server.max_concurrent_requests,
        ...(apiKey !== undefined && { apiKey }),
        ...(server.models && { models: server.models }),
      };
    },
  );
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    config: { servers, settings: toSettings(parsed.data.config) },
    warnings: unknownKeys(parsed.data),
  };
}

function keyPath(path: readonly PropertyKey[]): string {
  return path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("")
    .replace(/^\./, "");
}

/** The normalised base address of every server; `undefined` where there is a problem. */
function checkAddresses(
  servers: readonly { url?: unknown }[],
  problems: Problem[],
): (string | undefined)[] {
  const firstUse = new Map<string, number>();
  return servers.map((server, index) => {
    if (typeof server?.url !== "string" || server.url.trim() === "") {
      return undefined;
    }
    const where = `servers.servers[${index}].url`;
    const address = baseAddress(server.url);
    if (address === undefined) {
      problems.push({
        where,
        what: `expected an address such as http://gpu-server-1:8081, got ${shown(server.url)}`,
      });
      return undefined;
    }
    const first = firstUse.get(address);
    if (first === undefined) firstUse.set(address, index);
    else {problems.push({
        where,
        what: `${shown(server.url)} is the same server as servers.servers[${first}]`,
      });}
    return address;
  });
}

/** `http://host:1/v1/` becomes `http://host:1`; anything that is no base address `undefined`. */
export function baseAddress(written: string): string | undefined {
  const url = URL.parse(written.trim());
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.username || url.password || url.search || url.hash) return undefined;
  return url.origin +
    url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
}

function expandEnv(
  key: string | undefined,
  index: number,
  readEnv: ReadEnv,
  problems: Problem[],
): string | undefined {
  return key?.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = readEnv(name);
    if (!value) {
      problems.push({
        where: `servers.servers[${index}].api_key`,
        what: `the environment variable ${shown(name)} is not set`,
      });
    }
    return value ?? "";
  });
}

function toSettings(raw: RawSettings): Config["settings"] {
  return {
    policy: raw.policy,
    metricsIntervalMs: raw.metrics_interval * 1000,
    healthCheckIntervalMs: raw.health_check_interval * 1000,
    healthCheckTimeoutMs: raw.health_check_timeout * 1000,
    requestTimeoutMs: raw.request_timeout * 1000,
    maxRetries: raw.max_retries,
    configReloadIntervalMs: raw.config_reload_interval * 1000,
    failureThreshold: raw.failure_threshold,
    autoRecoveryMs: raw.auto_recovery_threshold * 1000,
    activeHealthCheck: raw.enable_active_health_check,
    healthCheckMaxResponseMs: raw.health_check_max_response_time * 1000,
    healthCheckMinSuccessRate: raw.health_check_min_success_rate,
    healthCheckWindowSize: raw.health_check_window_size,
    healthCheckConsecutiveFailures: raw.health_check_consecutive_failures,
  };
}

function unknownKeys(file: z.output<typeof fileSchema>): Problem[] {
  const within = (value: object, known: object, prefix: string): Problem[] => {
    const names = Object.keys(known);
    return Object.keys(value).filter((key) => !names.includes(key)).map(
      (key) => {
        const nearest = names.reduce((a, b) => distance(key, b) < distance(key, a) ? b : a);
        return {
          where: prefix + key,
          what: `unknown key, ignored; did you mean ${nearest}?`,
        };
      },
    );
  };
  return [
    ...within(file, fileSchema.shape, ""),
    ...within(file.servers, fileSchema.shape.servers.shape, "servers."),
    ...file.servers.servers.flatMap((server: RawServer, index) =>
      within(server, serverSchema.shape, `servers.servers[${index}].`)
    ),
    ...within(file.config, settingsSchema.shape, "config."),
  ];
}
