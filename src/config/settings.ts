import { extraPathIn } from "./extra_paths.ts";
import type { Settings } from "./config.ts";
import { levelNamed } from "./log_level.ts";
import type { RawSettings } from "./file_schema.ts";

const MIB = 1024 * 1024;

/** Converts a validated `[config]` table into settings. */
export function toSettings(raw: RawSettings): Settings {
  return {
    policy: raw.policy,
    ...(raw.log_level !== undefined && { logLevel: levelNamed(raw.log_level)! }),
    metricsIntervalMs: raw.metrics_interval * 1000,
    healthCheckIntervalMs: raw.health_check_interval * 1000,
    healthCheckTimeoutMs: raw.health_check_timeout * 1000,
    connectTimeoutMs: raw.connect_timeout * 1000,
    requestTimeoutMs: raw.request_timeout * 1000,
    chunkTimeoutMs: (raw.chunk_timeout ?? raw.request_timeout) * 1000,
    ...(raw.total_timeout !== undefined && { totalTimeoutMs: raw.total_timeout * 1000 }),
    stallTimeoutMs: raw.stall_timeout * 1000,
    maxRetries: raw.max_retries,
    continueStreams: raw.continue_streams,
    maxContinuations: raw.max_continuations,
    maxInFlight: raw.max_in_flight,
    ...(raw.max_in_flight_per_client !== undefined && {
      maxInFlightPerClient: raw.max_in_flight_per_client,
    }),
    maxBodyBytes: raw.max_body_mib * MIB,
    bodyBufferBytes: raw.body_buffer_mib * MIB,
    clientTimeoutMs: raw.client_timeout * 1000,
    trustedProxies: raw.trusted_proxies,
    sessionHeader: raw.session_header.toLowerCase(),
    debugHeaders: raw.debug_headers,
    extraPaths: raw.extra_paths.map((written) => extraPathIn(written)!),
    ...(raw.sse_keepalive !== undefined && { sseKeepAliveMs: raw.sse_keepalive * 1000 }),
    drainTimeoutMs: raw.drain_timeout * 1000,
    drainDelayMs: raw.drain_delay * 1000,
    configReloadIntervalMs: raw.config_reload_interval * 1000,
    ...(raw.state_file !== undefined && { stateFile: raw.state_file }),
    failureThreshold: raw.failure_threshold,
    autoRecoveryMs: raw.auto_recovery_threshold * 1000,
    activeHealthCheck: raw.enable_active_health_check,
    healthCheckMaxResponseMs: raw.health_check_max_response_time * 1000,
    healthCheckMinSuccessRate: raw.health_check_min_success_rate,
    healthCheckWindowSize: raw.health_check_window_size,
    healthCheckConsecutiveFailures: raw.health_check_consecutive_failures,
  };
}
