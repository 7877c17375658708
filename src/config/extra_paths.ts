/** A path that is forwarded in addition to those that the router knows. */
export interface ExtraPath {
  /** In upper case. */
  readonly method: "GET" | "POST";
  /** Exactly as it is matched. */
  readonly path: string;
}

/** Routes by which vLLM 0.32 and vLLM-Omni are managed, and that describe a server to operators. */
const MANAGEMENT: readonly string[] = [
  "/abort_requests",
  "/collective_rpc",
  "/docs",
  "/fault_tolerance",
  "/finish_weight_update",
  "/get_world_size",
  "/inference/v1/abort_requests",
  "/init_weight_transfer_engine",
  "/invocations",
  "/is_paused",
  "/is_scaling_elastic_ep",
  "/is_sleeping",
  "/kv_event_sources",
  "/load",
  "/load_lora_adapter",
  "/openapi.json",
  "/pause",
  "/redoc",
  "/release_kv_cache_memory",
  "/reset_encoder_cache",
  "/reset_mm_cache",
  "/reset_prefix_cache",
  "/resume",
  "/scale_elastic_ep",
  "/server_info",
  "/shutdown_weight_transfer_engine",
  "/sleep",
  "/start_draft_weight_update",
  "/start_profile",
  "/start_weight_update",
  "/stop_profile",
  "/unload_lora_adapter",
  "/update_weight_version",
  "/update_weights",
  "/v1/load_lora_adapter",
  "/v1/omni",
  "/v1/unload_lora_adapter",
  "/wake_up",
  "/weight_checker",
  "/weight_info",
];

/**
 * Routes by which other engines are managed: SGLang, llama.cpp, Ollama, LMDeploy and TensorRT-LLM, in
 * this order.
 */
const MANAGEMENT_OF_OTHERS: readonly string[] = [
  "/abort_request",
  "/clear_hicache_storage_backend",
  "/configure_logging",
  "/continue_generation",
  "/destroy_weights_update_group",
  "/dump_expert_distribution_record",
  "/flush_cache",
  "/freeze_gc",
  "/get_internal_state",
  "/get_server_info",
  "/get_weights_by_name",
  "/hicache",
  "/init_weights_send_group_for_remote_instance",
  "/init_weights_update_group",
  "/pause_generation",
  "/release_memory_occupation",
  "/resume_memory_occupation",
  "/set_internal_state",
  "/slow_down",
  "/start_expert_distribution_record",
  "/stop_expert_distribution_record",
  "/update_weights_from_disk",
  "/update_weights_from_distributed",
  "/update_weights_from_ipc",
  "/update_weights_from_tensor",
  "/lora-adapters",
  "/models/load",
  "/models/unload",
  "/props",
  "/slots",
  "/api/blobs",
  "/api/copy",
  "/api/create",
  "/api/delete",
  "/api/pull",
  "/api/push",
  "/distserve",
  "/terminate",
  "/wakeup",
  "/kv_cache_events",
  "/perf_metrics",
  "/release_memory",
  "/resume_memory",
];

/** Paths that the router answers itself. */
const OWN: readonly string[] = [
  "/dashboard",
  "/health",
  "/livez",
  "/load-stats",
  "/metrics",
  "/readyz",
  "/server-models",
  "/servers",
  "/v1/models",
  "/v1/realtime",
];

/** Plain characters only, so that no server can read a path as another one. */
const WRITTEN = /^(?:(GET|POST) )?((?:\/[\w-]+(?:\.[\w-]+)*)+)$/;

/** Reads an entry of `extra_paths`: a path, which is a POST, or a method and a path. */
export function extraPathIn(written: unknown): ExtraPath | undefined {
  const [, method, path] = typeof written === "string" ? WRITTEN.exec(written) ?? [] : [];
  return path === undefined ? undefined : { method: method === "GET" ? "GET" : "POST", path };
}

/** Returns why a path isn't forwarded, whoever asks for that; `undefined` if it may be. */
export function whyNotForwarded({ path }: ExtraPath): string | undefined {
  const isIn = (routes: readonly string[]) => {
    const lower = path.toLowerCase();
    return routes.some((route) => lower === route || lower.startsWith(`${route}/`));
  };
  if (isIn(MANAGEMENT)) {
    return `${path} is a management route of vLLM, which clients must not reach`;
  }
  if (isIn(MANAGEMENT_OF_OTHERS)) {
    return `${path} is a management route of another engine, which clients must not reach`;
  }
  return isIn(OWN) ? `the router answers ${path} itself` : undefined;
}
