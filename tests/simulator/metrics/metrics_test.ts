import assert from "node:assert/strict";
import { formatNumber } from "../../../src/simulator/metrics/prometheus_text.ts";
import { chat, metrics, postChat, start, test } from "../helpers.ts";

test("the page has vLLM's names and the values of the served requests", async () => {
  await using simulator = await start({ kvBlocks: 5080 });
  const body = chat("word ".repeat(100), { max_tokens: 5, ignore_eos: true });
  for (let index = 0; index < 2; index++) {
    await (await postChat(simulator, body)).text();
  }
  const page = await metrics(simulator);
  const { promptTokens, prefixHits } = simulator.state();
  const expected: Record<string, number> = {
    "vllm:num_requests_running": 0,
    "vllm:num_requests_waiting": 0,
    'vllm:num_requests_waiting_by_reason{reason="capacity"}': 0,
    'vllm:num_requests_waiting_by_reason{reason="deferred"}': 0,
    "vllm:kv_cache_usage_perc": 0,
    'vllm:engine_sleep_state{sleep_state="awake"}': 1,
    'vllm:engine_sleep_state{sleep_state="weights_offloaded"}': 0,
    'vllm:engine_sleep_state{sleep_state="discard_all"}': 0,
    "vllm:prompt_tokens_total": promptTokens,
    "vllm:generation_tokens_total": 10,
    "vllm:prefix_cache_queries_total": promptTokens,
    "vllm:prefix_cache_hits_total": prefixHits,
    "vllm:num_preemptions_total": 0,
    'vllm:request_success_total{finished_reason="stop"}': 0,
    'vllm:request_success_total{finished_reason="length"}': 2,
    'vllm:request_success_total{finished_reason="abort"}': 0,
    'vllm:time_to_first_token_seconds_bucket{le="+Inf"}': 2,
    "vllm:time_to_first_token_seconds_count": 2,
    "vllm:inter_token_latency_seconds_count": 8,
    "vllm:e2e_request_latency_seconds_count": 2,
    "vllm:request_queue_time_seconds_count": 2,
    "vllm:iteration_tokens_total_count": 10,
    'vllm:cache_config_info{block_size="16",cache_dtype="auto",enable_prefix_caching="True",kv_cache_size_tokens="81280",num_gpu_blocks="5080"}':
      1,
    "process_max_fds": 65536,
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(page.get(name), value, name);
  }
  assert.ok(prefixHits > 0);
  assert.ok(page.get("vllm:prompt_tokens_created")! > 1.7e9);
});

test("the page is in Prometheus' format, with labels ordered and escaped", async () => {
  await using simulator = await start({ models: ['a "model", of \\ many'] });
  const response = await fetch(`${simulator.url}/metrics`);
  assert.equal(
    response.headers.get("content-type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
  const page = await response.text();
  assert.ok(page.endsWith("\n"));
  assert.match(page, /^# TYPE vllm:iteration_tokens_total histogram$/m);
  assert.ok(
    page.includes(
      'vllm:num_requests_running{engine="0",model_name="a \\"model\\", of \\\\ many"} 0.0\n',
    ),
  );
});

test("numbers are formatted as in Prometheus' Python client", () => {
  const cases: [number, string][] = [
    [3, "3.0"],
    [0, "0.0"],
    [0.25, "0.25"],
    [123456, "123456.0"],
    [64929219, "6.4929219e+07"],
    [44041600, "4.40416e+07"],
    [10_000_000, "1e+07"],
    [Infinity, "+Inf"],
  ];
  for (const [value, text] of cases) assert.equal(formatNumber(value), text);
});
