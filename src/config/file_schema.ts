import { z } from "zod";
import { policyNames } from "../routing/policies.ts";
import { adminShape, authShape, corsShape, networks, tlsShape } from "./access_schema.ts";
import { type EngineName, engineNames } from "./engine_name.ts";
import { extraPathIn, whyNotForwarded } from "./extra_paths.ts";
import { sourceShapes } from "./discovery_schema.ts";
import { modelsShape } from "./models_schema.ts";
import { levelNamed, logLevels } from "./log_level.ts";
import { peersShape } from "./peers_schema.ts";
import { tracingShape } from "./tracing_schema.ts";
import {
  anySeconds,
  expected,
  seconds,
  secondsOrNone,
  secret,
  share,
  shown,
  table,
  text,
  wholeNumber,
  yesOrNo,
} from "./zod_types.ts";

const proxyAddress = secret("a proxy address");

/** One entry of `extra_paths`. */
const extraPath = z.custom<string>((value) => {
  const path = extraPathIn(value);
  return path !== undefined && whyNotForwarded(path) === undefined;
}, {
  error({ input }) {
    const path = extraPathIn(input);
    return (path && whyNotForwarded(path)) ??
      `expected a path such as "/v1/custom" or "GET /v1/custom", got ${shown(input)}`;
  },
});

/** The keys of a server, except those that tell one server from another. */
const serverKeys = {
  max_concurrent_requests: wholeNumber(1).default(3),
  api_key: secret("a non-empty string").optional(),
  ca: text.optional(),
  tls_skip_verify: yesOrNo.default(false),
  engine: expected<EngineName>(
    `one of ${engineNames.join(", ")}`,
    (value) => engineNames.some((name) => name === value),
  ).optional(),
  health_path: expected<string>(
    "a path such as /health",
    (value) => typeof value === "string" && /^\/[!-~]*$/.test(value) && !value.includes("#"),
  ).optional(),
  client_cert: text.optional(),
  client_key: text.optional(),
  proxy: proxyAddress.optional(),
  models: z.array(text, table("a list of model names")).min(
    1,
    "expected at least one model name",
  )
    .optional(),
  priority_scheduling: yesOrNo.default(false),
};

/** One entry of `servers.servers`. */
export const serverShape = z.looseObject(
  { url: text, name: text.optional(), ...serverKeys },
  table(
    'a server such as { url = "http://gpu-server-1:8081", max_concurrent_requests = 3 }',
  ),
);

/** `defaults` of an entry of `discovery`: what all of its servers have in common. */
export const defaultsShape = z.looseObject(
  serverKeys,
  table("a table such as { max_concurrent_requests = 8 }"),
);

/** One entry of `discovery`. */
export const discoveryShape = z.looseObject({
  name: text.optional(),
  ...sourceShapes,
  scheme: z.enum(["http", "https"], { error: 'expected "http" or "https"' }).default("http"),
  defaults: defaultsShape.prefault({}),
}, table("a table [[discovery]]"));

/** The table `[config]`, with its defaults. */
export const settingsShape = z.looseObject({
  policy: expected<string>(
    `one of ${policyNames.join(", ")}`,
    (value) => typeof value === "string" && policyNames.includes(value),
  ).default("least_work"),
  log_level: expected<string>(
    `one of ${logLevels.join(", ")}`,
    (value) => typeof value === "string" && levelNamed(value) !== undefined,
  ).optional(),
  metrics_interval: seconds(0.5),
  health_check_interval: seconds(10),
  health_check_timeout: seconds(5),
  connect_timeout: seconds(5),
  proxy: proxyAddress.optional(),
  request_timeout: seconds(120),
  chunk_timeout: anySeconds.optional(),
  total_timeout: anySeconds.optional(),
  stall_timeout: seconds(30),
  max_retries: wholeNumber(0).default(3),
  continue_streams: yesOrNo.default(true),
  max_continuations: wholeNumber(1).default(2),
  max_in_flight: wholeNumber(1).default(10_000),
  max_in_flight_per_client: wholeNumber(1).optional(),
  max_body_mib: wholeNumber(1).default(64),
  body_buffer_mib: wholeNumber(1).default(512),
  client_timeout: seconds(60),
  trusted_proxies: networks.default([]),
  session_header: expected<string>(
    "the name of a header",
    (value) => typeof value === "string" && /^[\w!#$%&'*+.^`|~-]+$/.test(value),
  ).default("x-session-id"),
  debug_headers: yesOrNo.default(false),
  extra_paths: z.array(extraPath, table("a list of paths")).default([]),
  sse_keepalive: anySeconds.optional(),
  drain_timeout: secondsOrNone.default(120),
  drain_delay: secondsOrNone.default(0),
  config_reload_interval: seconds(30),
  state_file: text.optional(),
  failure_threshold: wholeNumber(1).default(2),
  auto_recovery_threshold: seconds(60),
  enable_active_health_check: yesOrNo.default(true),
  health_check_max_response_time: seconds(10),
  health_check_min_success_rate: share.default(0.8),
  health_check_window_size: wholeNumber(1).default(10),
  health_check_consecutive_failures: wholeNumber(1).default(3),
}, table("a table"));

/** How HTTP/1.1 is spoken: by the router's own implementation, or the runtime's. */
export const http1Ways = ["own", "deno"] as const;

/** The table `[server]`. */
export const listenerShape = z.looseObject({
  http1: z.enum(http1Ways, { error: 'expected "own" or "deno"' }).default("own"),
}, table("a table"));

const serverList = z.array(serverShape, table("a list of servers"));
const serversTable = table("a table [servers] with a list named servers");

/** A whole configuration file. Accepts unknown keys, which are reported separately. */
export const fileShape = z.looseObject({
  servers: z.looseObject({
    servers: serverList.min(1, "expected at least one server, got an empty list"),
  }, serversTable),
  discovery: z.array(discoveryShape, table("a list of tables [[discovery]]")).default([]),
  config: settingsShape.prefault({}),
  auth: authShape.prefault({}),
  admin: adminShape.prefault({}),
  tls: tlsShape.optional(),
  cors: corsShape.prefault({}),
  models: modelsShape.prefault({}),
  server: listenerShape.prefault({}),
  tracing: tracingShape.prefault({}),
  peers: peersShape.optional(),
});

/** A file whose servers may all come from elsewhere, which needs no list of servers. */
export const discoveringFileShape = fileShape.extend({
  servers: z.looseObject({ servers: serverList.default([]) }, serversTable).prefault({}),
});

/** A validated file, in the file's units. */
export type RawFile = z.output<typeof fileShape>;

/** A validated `[config]` table, in the file's units. */
export type RawSettings = z.output<typeof settingsShape>;

/** Validated `defaults` of an entry of `discovery`; a server of the list has the same keys. */
export type RawDefaults = z.output<typeof defaultsShape>;

/** A validated entry of `discovery`, in the file's units. */
export type RawDiscovery = z.output<typeof discoveryShape>;
