import type { EngineName } from "../../src/config/engine_name.ts";
import { metricsPage, modelsPage, startUpstream, type TestUpstream } from "./upstream.ts";

/** What a fake server of an engine answers by path; any other path gets its 404. */
export type Pages = Readonly<Record<string, () => Response>>;

const list = (owner: string, id = "m") =>
  Response.json({ object: "list", data: [{ id, object: "model", created: 1, owned_by: owner }] });
const text = (page: string) => () => new Response(page);
const empty = () => new Response(null);

/** Pages as the engines' own sources write them, of a server with 2 running and 3 waiting. */
export const enginePages: { readonly [name in EngineName]: Pages } = {
  vllm: {
    "/health": empty,
    "/v1/models": () => modelsPage("m"),
    "/metrics": () => metricsPage({ running: 2, waiting: 3 }),
  },
  // 0.5.23, two data-parallel ranks.
  sglang: {
    "/health": empty,
    "/v1/models": () => list("sglang"),
    "/metrics": text(`# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{dp_rank="0",engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"} 1.0
sglang:num_running_reqs{dp_rank="1",engine_type="unified",model_name="m",pp_rank="0",tp_rank="1"} 1.0
sglang:num_queue_reqs{dp_rank="0",engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"} 3.0
sglang:num_queue_reqs{dp_rank="1",engine_type="unified",model_name="m",pp_rank="0",tp_rank="1"} 0.0
sglang:token_usage{dp_rank="0",model_name="m",tp_rank="0"} 0.25
sglang:token_usage{dp_rank="1",model_name="m",tp_rank="1"} 0.75
sglang:max_total_num_tokens{dp_rank="0",model_name="m",tp_rank="0"} 1000.0
sglang:max_total_num_tokens{dp_rank="1",model_name="m",tp_rank="1"} 1000.0
sglang:prompt_tokens_total{is_streaming="true",model_name="m"} 70.0
sglang:prompt_tokens_total{is_streaming="false",model_name="m"} 30.0
sglang:generation_tokens_total{is_streaming="true",model_name="m"} 40.0
sglang:cached_tokens_total{cache_source="device",model_name="m"} 20.0
sglang:cached_tokens_total{cache_source="host",model_name="m"} 5.0
`),
  },
  // b11434 with --metrics.
  "llama.cpp": {
    "/health": () => Response.json({ status: "ok" }),
    "/v1/models": () => list("llamacpp"),
    "/metrics": text(`# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 100
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 40
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 2
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 3
`),
  },
  // 3.3.7: a model is owned by itself.
  tgi: {
    "/health": empty,
    "/v1/models": () => list("m"),
    "/metrics": text(`# HELP tgi_queue_size Current queue size
# TYPE tgi_queue_size gauge
tgi_queue_size 3

# TYPE tgi_batch_current_size gauge
tgi_batch_current_size 2

# TYPE tgi_request_input_length histogram
tgi_request_input_length_bucket{le="+Inf"} 4
tgi_request_input_length_sum 100
tgi_request_input_length_count 4
tgi_request_generated_tokens_sum 40
`),
  },
  // 1.x with return_perf_metrics and enable_iter_perf_stats.
  "tensorrt-llm": {
    "/health": empty,
    "/v1/models": () => list("tensorrt_llm"),
    "/metrics": () => Response.json([{ numActiveRequests: 2 }]),
    "/prometheus/metrics": text(`# TYPE trtllm_num_requests_running gauge
trtllm_num_requests_running{engine_type="undefined",model_name="undefined",pid="7"} 2.0
trtllm_num_requests_waiting{engine_type="undefined",model_name="undefined",pid="7"} 3.0
trtllm_kv_cache_utilization{engine_type="undefined",model_name="undefined",pid="7"} 0.5
trtllm_prompt_tokens_total{engine_type="undefined",model_name="undefined"} 100.0
trtllm_generation_tokens_total{engine_type="undefined",model_name="undefined"} 40.0
trtllm_prompt_cached_tokens_total{engine_type="undefined",model_name="undefined"} 25.0
`),
  },
  // 0.16.0: one request waits in the API server.
  lmdeploy: {
    "/health": () => Response.json({ status: "healthy" }),
    "/v1/models": () => list("lmdeploy"),
    "/metrics": text(`# TYPE lmdeploy:num_requests_running gauge
lmdeploy:num_requests_running{engine="0",model_name="m"} 2.0
lmdeploy:num_requests_waiting{engine="0",model_name="m"} 2.0
lmdeploy:num_api_requests_waiting{engine="0",model_name="m"} 1.0
lmdeploy:gpu_cache_usage_perc{engine="0",model_name="m"} 0.5
lmdeploy:prompt_tokens_total{engine="0",model_name="m"} 100.0
lmdeploy:generation_tokens_total{engine="0",model_name="m"} 40.0
`),
  },
  // 0.17: a model that someone made, and neither health page nor metrics.
  ollama: {
    "/": text("Ollama is running"),
    "/api/version": () => Response.json({ version: "0.17.4" }),
    "/v1/models": () => list("someone"),
  },
  // 1.9.3: no list of models.
  tei: {
    "/health": empty,
    "/info": () =>
      Response.json({
        model_id: "BAAI/bge",
        served_model_name: "m",
        model_type: { embedding: { pooling: "cls" } },
        max_input_length: 512,
      }),
    "/metrics": text(`# TYPE te_queue_size gauge
te_queue_size 3

# TYPE te_request_count counter
te_request_count{method="single"} 7
`),
  },
};

/** A fake server of an engine, whose pages can be exchanged. */
export interface FakeEngine extends TestUpstream {
  /** Paths asked for, in order. */
  readonly asked: string[];
  pages: Pages;
}

/** Starts a fake server that answers these pages to `GET`, and each `POST` by `answer`. */
export function startEngine(
  pages: Pages,
  answer: (request: Request) => Response | Promise<Response> = () => Response.json({}),
): FakeEngine {
  const asked: string[] = [];
  const upstream = startUpstream((request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "POST") return answer(request);
    asked.push(pathname);
    return fake.pages[pathname]?.() ?? new Response("404 page not found", { status: 404 });
  });
  const fake = { ...upstream, asked, pages };
  return fake;
}
