import assert from "node:assert/strict";
import fc from "fast-check";
import { parseMetrics } from "../../src/engines/engines.ts";
import { numRuns } from "../support/property.ts";
import { assertQuick } from "../support/quick.ts";

const NO_COUNTERS = {
  prompt: undefined,
  computed: undefined,
  generation: undefined,
  prefixQueries: undefined,
  prefixHits: undefined,
  firstTokens: undefined,
  firstTokenSeconds: undefined,
  prefills: undefined,
  prefillSeconds: undefined,
  interTokens: undefined,
  interTokenSeconds: undefined,
};
const NOTHING = {
  running: undefined,
  waiting: undefined,
  kvCacheUsage: undefined,
  kvCacheTokens: undefined,
  counters: NO_COUNTERS,
  kvBlockTokens: undefined,
  asleep: false,
  maxFds: undefined,
};

/** A page as a current server writes it, with surrounding metrics. */
const PAGE = `# HELP python_gc_objects_collected_total Objects collected during gc
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 15712.0
# HELP process_max_fds Maximum number of open file descriptors.
# TYPE process_max_fds gauge
process_max_fds 1.048576e+06
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen3.8-27B"} 2.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="Qwen3.8-27B"} 3.0
# TYPE vllm:num_requests_waiting_by_reason gauge
vllm:num_requests_waiting_by_reason{engine="0",model_name="Qwen3.8-27B",reason="capacity"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="Qwen3.8-27B",reason="deferred"} 0.0
# TYPE vllm:engine_sleep_state gauge
vllm:engine_sleep_state{engine="0",model_name="Qwen3.8-27B",sleep_state="awake"} 1.0
vllm:engine_sleep_state{engine="0",model_name="Qwen3.8-27B",sleep_state="weights_offloaded"} 0.0
vllm:engine_sleep_state{engine="0",model_name="Qwen3.8-27B",sleep_state="discard_all"} 0.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="Qwen3.8-27B"} 0.0058629534628068525
vllm:prefix_cache_queries_total{engine="0",model_name="Qwen3.8-27B"} 6.4929219e+07
vllm:prefix_cache_queries_created{engine="0",model_name="Qwen3.8-27B"} 1.7623e+09
vllm:prefix_cache_hits_total{engine="0",model_name="Qwen3.8-27B"} 4.8e+07
vllm:prompt_tokens_total{engine="0",model_name="Qwen3.8-27B"} 6.5e+07
vllm:prompt_tokens_by_source_total{engine="0",model_name="Qwen3.8-27B",source="local_compute"} 9.0
vllm:prompt_tokens_by_source_total{engine="0",model_name="Qwen3.8-27B",source="local_cache_hit"} 99.0
vllm:generation_tokens_total{engine="0",model_name="Qwen3.8-27B"} 1.250417e+06
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="Qwen3.8-27B"} 3447.0
vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="5080"} 1.0
`;

Deno.test("a current page is read", () => {
  assert.deepEqual(parseMetrics(PAGE), {
    running: 2,
    waiting: 3,
    kvCacheUsage: 0.0058629534628068525,
    kvCacheTokens: 81_280,
    kvBlockTokens: 16,
    counters: {
      ...NO_COUNTERS,
      prompt: 65_000_000,
      computed: 9,
      generation: 1_250_417,
      prefixQueries: 64_929_219,
      prefixHits: 48_000_000,
    },
    asleep: false,
    maxFds: 1_048_576,
  });
});

Deno.test("a page with Windows line ends is read", () => {
  assert.deepEqual(
    parseMetrics(PAGE.replaceAll("\n", "\r\n")),
    parseMetrics(PAGE),
  );
});

Deno.test("a page without a final line end is read to its end", () => {
  assert.equal(parseMetrics("vllm:num_requests_running 4").running, 4);
});

Deno.test("waiting requests by reason are not added to the total, in any order", () => {
  const page = `
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 3.0
vllm:num_requests_waiting{engine="0"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",reason="deferred"} 5.0
`;
  assert.equal(parseMetrics(page).waiting, 3);
  assert.equal(
    parseMetrics(`vllm:num_requests_waiting_by_reason{reason="capacity"} 3.0`)
      .waiting,
    undefined,
  );
});

Deno.test("a name in a comment or within a line is not a sample", () => {
  assert.deepEqual(
    parseMetrics(`# HELP vllm:num_requests_running 7
# vllm:num_requests_running 7
other:vllm:num_requests_running 7
other{about="vllm:num_requests_running 7"} 8
`),
    NOTHING,
  );
});

Deno.test("labels with escaped quotes, commas, braces and names of other labels are read", () => {
  const name = String.raw`odd \"name\", } { engine=\"7\" \\`;
  assert.deepEqual(
    parseMetrics(`
vllm:num_requests_running{model_name="${name}",engine="0"} 2.0
vllm:num_requests_running{model_name="${name}",engine="1"} 3.0
vllm:num_requests_waiting{data_engine="9",engine="0",model_name="${name}"} 1.0
vllm:num_requests_waiting{data_engine="9", engine="1", model_name="${name}"} 1.0
`),
    { ...NOTHING, running: 5, waiting: 2 },
  );
});

Deno.test("engines of a data-parallel server are summed, their KV use is averaged", () => {
  const page = [0, 1, 2, 3].map((engine) => `
vllm:num_requests_running{engine="${engine}",model_name="m"} ${engine + 1}.0
vllm:num_requests_waiting{engine="${engine}",model_name="m"} ${engine * 10}.0
vllm:kv_cache_usage_perc{engine="${engine}",model_name="m"} ${engine / 4}
`).join("");
  assert.deepEqual(parseMetrics(page), {
    ...NOTHING,
    running: 10,
    waiting: 60,
    kvCacheUsage: 0.375,
  });
});

Deno.test("the largest of several processes' series of one engine counts", () => {
  const page = `
vllm:num_requests_running{engine="0",model_name="m",pid="11"} 0.0
vllm:num_requests_running{engine="0",model_name="m",pid="12"} 5.0
vllm:num_requests_running{engine="0",model_name="m",pid="13"} 0.0
vllm:num_requests_waiting{model_name="m",pid="11"} 2.0
vllm:num_requests_waiting{model_name="m",pid="12"} 0.0
vllm:gpu_cache_usage_perc{model_name="m",pid="11"} 0.5
vllm:gpu_cache_usage_perc{model_name="m",pid="12"} 0.0
`;
  assert.deepEqual(parseMetrics(page), {
    ...NOTHING,
    running: 5,
    waiting: 2,
    kvCacheUsage: 0.5,
  });
});

Deno.test("token counters are summed over engines; of several processes' the largest counts", () => {
  const page = `
vllm:generation_tokens_total{engine="0",model_name="m"} 100.0
vllm:generation_tokens_total{engine="1",model_name="m"} 20.0
vllm:prompt_tokens_total{engine="0",model_name="m",pid="11"} 7.0
vllm:prompt_tokens_total{engine="0",model_name="m",pid="12"} 5.0
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 0.0
`;
  assert.deepEqual(parseMetrics(page).counters, {
    ...NO_COUNTERS,
    prompt: 7,
    generation: 120,
    prefixQueries: 0,
    prefixHits: undefined,
  });
});

Deno.test("older releases' counters of the GPU's prefix cache are another metric", () => {
  const page = `vllm:gpu_prefix_cache_queries_total{engine="0"} 3.0
vllm:prefix_cache_queries 3.0
`;
  assert.deepEqual(parseMetrics(page).counters, NO_COUNTERS);
});

Deno.test("the size of the cache is read in tokens, else in blocks, and summed over engines", () => {
  const tokens = (...labels: string[]) =>
    parseMetrics(labels.map((label) => `vllm:cache_config_info{${label}} 1.0\n`).join(""))
      .kvCacheTokens;
  assert.equal(tokens(`block_size="16",engine="0",num_gpu_blocks="5080"`), 81_280);
  assert.equal(tokens(`num_gpu_blocks="100",block_size="16"`), 1_600);
  assert.equal(
    tokens(`block_size="16",engine="0",kv_cache_size_tokens="90000",num_gpu_blocks="5080"`),
    90_000,
  );
  assert.equal(
    tokens(
      `block_size="16",engine="0",num_gpu_blocks="10"`,
      `block_size="32",engine="1",num_gpu_blocks="10"`,
      // Another process of the first engine.
      `block_size="16",engine="0",num_gpu_blocks="10",pid="7"`,
    ),
    480,
  );
});

Deno.test("an unreported cache size is unknown", () => {
  for (
    const labels of [
      `block_size="16",engine="0",num_gpu_blocks="None"`,
      `block_size="16",engine="0"`,
      `block_size="16",engine="0",num_gpu_blocks="0"`,
      `block_size="16",engine="0",kv_cache_size_tokens="None",num_gpu_blocks="None"`,
    ]
  ) {
    const page = `vllm:cache_config_info{${labels}} 1.0\n`;
    assert.equal(parseMetrics(page).kvCacheTokens, undefined, labels);
  }
});

Deno.test("first tokens and their times are summed over engines", () => {
  const page = `vllm:time_to_first_token_seconds_bucket{engine="0",le="0.01"} 3.0
vllm:time_to_first_token_seconds_count{engine="0"} 40.0
vllm:time_to_first_token_seconds_count{engine="1"} 2.0
vllm:time_to_first_token_seconds_sum{engine="0"} 1.5
vllm:time_to_first_token_seconds_sum{engine="1"} 0.5
`;
  const { firstTokens, firstTokenSeconds } = parseMetrics(page).counters;
  assert.deepEqual([firstTokens, firstTokenSeconds], [42, 2]);
});

Deno.test("inter-token times are read under the current name, else the older one", () => {
  const older = `vllm:time_per_output_token_seconds_count{engine="0"} 10.0
vllm:time_per_output_token_seconds_sum{engine="0"} 0.5
`;
  const today = `vllm:inter_token_latency_seconds_bucket{engine="0",le="0.01"} 3.0
vllm:inter_token_latency_seconds_count{engine="0"} 40.0
vllm:inter_token_latency_seconds_count{engine="1"} 2.0
vllm:inter_token_latency_seconds_sum{engine="0"} 1.5
vllm:inter_token_latency_seconds_sum{engine="1"} 0.5
`;
  const read = (page: string) => {
    const { interTokens, interTokenSeconds } = parseMetrics(page).counters;
    return [interTokens, interTokenSeconds];
  };
  assert.deepEqual(read(older), [10, 0.5]);
  assert.deepEqual(read(today), [42, 2]);
  assert.deepEqual(read(older + today), [42, 2]);
});

Deno.test("an older release's KV usage is read if there is no newer metric", () => {
  const older = `vllm:gpu_cache_usage_perc{model_name="m"} 0.75\n`;
  assert.equal(parseMetrics(older).kvCacheUsage, 0.75);
  assert.equal(
    parseMetrics(`${older}vllm:kv_cache_usage_perc{engine="0"} 0.25\n`)
      .kvCacheUsage,
    0.25,
  );
});

Deno.test("NaN and infinite values count as missing", () => {
  for (const value of ["NaN", "+Inf", "-Inf", "many"]) {
    assert.deepEqual(
      parseMetrics(`vllm:num_requests_running{engine="0"} ${value}
vllm:kv_cache_usage_perc{engine="0"} ${value}
process_max_fds ${value}
`),
      NOTHING,
      value,
    );
  }
});

Deno.test("numbers are read in every Prometheus notation", () => {
  for (
    const [written, value] of [
      ["3", 3],
      ["3.0", 3],
      ["6.49e+07", 6.49e7],
      ["0.0", 0],
      ["12.0 1700000000000", 12],
    ] as const
  ) {
    assert.equal(parseMetrics(`vllm:prompt_tokens_total ${written}\n`).counters.prompt, value);
  }
});

Deno.test("a server that logs no statistics is unknown, not idle", () => {
  const page = PAGE.split("\n").filter((line) => !line.includes("vllm:"))
    .join("\n");
  assert.deepEqual(parseMetrics(page), { ...NOTHING, maxFds: 1_048_576 });
  assert.deepEqual(parseMetrics(""), NOTHING);
});

Deno.test("a server sleeps if any engine reports any sleep state", () => {
  const state = (engine: number, name: string, value: number) =>
    `vllm:engine_sleep_state{engine="${engine}",model_name="m",sleep_state="${name}"} ${value}.0\n`;
  const awake = state(0, "awake", 1) + state(0, "weights_offloaded", 0) +
    state(0, "discard_all", 0);
  assert.equal(parseMetrics(awake).asleep, false);
  for (
    const page of [
      state(0, "awake", 0) + state(0, "weights_offloaded", 1),
      state(0, "awake", 0) + state(0, "discard_all", 1),
      state(0, "awake", 0),
      state(0, "weights_offloaded", 1),
      awake + state(1, "awake", 0) + state(1, "weights_offloaded", 1),
    ]
  ) assert.equal(parseMetrics(page).asleep, true, page);
});

Deno.test("garbage is unknown", () => {
  for (
    const page of [
      "<html>502 Bad Gateway</html>",
      "vllm:num_requests_running",
      "vllm:num_requests_running{",
      `vllm:num_requests_running{model_name="unclosed} 3.0`,
      `vllm:num_requests_running{engine="0"}`,
      "\u0000\uFFFD",
    ]
  ) assert.deepEqual(parseMetrics(page), NOTHING, page);
});

const labelValue = fc.string({ unit: "binary", maxLength: 30 }).map((value) =>
  value.replace(/[\\"\n]/g, (char) => char === "\n" ? "\\n" : `\\${char}`)
);
const sample = fc.record({
  running: fc.nat(1_000),
  waiting: fc.nat(1_000),
  kv: fc.double({ min: 0, max: 1, noNaN: true }),
  model: labelValue,
  extra: labelValue,
});

Deno.test("values are found whatever the labels and other lines contain", () => {
  const noise = fc.array(
    fc.oneof(
      fc.constantFrom(
        "# TYPE vllm:num_requests_running gauge",
        `vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 9.0`,
        "vllm:num_requests_running_total 9.0",
        "python_info 1.0",
      ),
      fc.string({ maxLength: 20 }).map((text) => `# ${text}`),
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(
      fc.array(sample, { minLength: 1, maxLength: 5 }),
      noise,
      (engines, noise) => {
        const page = engines.flatMap(
          ({ running, waiting, kv, model, extra }, engine) => {
            const labels = `{extra="${extra}",engine="${engine}",model_name="${model}"}`;
            return [
              `vllm:num_requests_running${labels} ${running}.0`,
              ...noise,
              `vllm:num_requests_waiting${labels} ${waiting}.0`,
              `vllm:kv_cache_usage_perc${labels} ${kv}`,
            ];
          },
        ).join("\n");
        const metrics = parseMetrics(page);
        const sum = (of: (engine: typeof engines[number]) => number) =>
          engines.reduce((total, engine) => total + of(engine), 0);
        assert.equal(metrics.running, sum(({ running }) => running));
        assert.equal(metrics.waiting, sum(({ waiting }) => waiting));
        assert.equal(
          metrics.kvCacheUsage,
          sum(({ kv }) => kv) / engines.length,
        );
        assert.equal(metrics.asleep, false);
      },
    ),
    { numRuns },
  );
});

Deno.test("no text makes reading throw or counts negative", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom(
      "vllm:num_requests_running",
      "vllm:engine_sleep_state",
      '{engine="0"}',
      '{engine="',
      '\\"',
      "}",
      " -3.0",
      " 1e400",
      "\n",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece).map((pieces) => pieces.join("")), (page) => {
      const { running, waiting } = parseMetrics(page);
      assert.ok((running ?? 0) >= 0 && (waiting ?? 0) >= 0);
    }),
    { numRuns },
  );
});

/** Hostile pages, with what is read from them or why they are rejected. */
function readOrRejected(page: string): unknown {
  try {
    return parseMetrics(page);
  } catch (error) {
    return (error as Error).message;
  }
}

const running = (labels: string) => `vllm:num_requests_running{${labels}} 3.0\n`;

for (
  const [what, page, expected] of [
    [
      "60 KB in one label",
      running(`model_name="${"x".repeat(60_000)}"`),
      "/metrics has a line of over 16 KiB",
    ],
    [
      "a label that is never closed",
      `vllm:num_requests_running{model_name="${'x\\"'.repeat(1e6)}`,
      "/metrics has a line of over 16 KiB",
    ],
    [
      "sixteen thousand characters in one label",
      running(`model_name="${"x".repeat(16_000)}"`),
      { ...NOTHING, running: 3 },
    ],
    [
      "lines of nothing but labels",
      running(`${'engina="",'.repeat(1_600)}engine="0"`).repeat(250),
      "/metrics has over 512 KiB of samples",
    ],
    ["a million series", running(`engine="0"`).repeat(1e6), "/metrics has over 512 KiB of samples"],
    ["a million empty lines", "\n".repeat(1e6), "/metrics has more than 50000 lines"],
    [
      "a million engines",
      Array.from({ length: 1e6 }, (_, i) => running(`engine="${i}"`)).join(""),
      "/metrics has more than 1024 engines",
    ],
  ] as const
) {
  Deno.test(`a page with ${what} is read or rejected quickly`, () => {
    assert.deepEqual(assertQuick(page, () => readOrRejected(page)), expected);
  });
}

Deno.test("a number outside its range is unknown, also when summed", () => {
  const max = Number.MAX_SAFE_INTEGER;
  for (
    const [name, most] of [
      ["num_requests_running", 1e6],
      ["num_requests_waiting", 1e6],
      ["kv_cache_usage_perc", 1],
      ["gpu_cache_usage_perc", 1],
      ["prompt_tokens_total", max],
      ["generation_tokens_total", max],
      ["prefix_cache_queries_total", max],
      ["prefix_cache_hits_total", max],
      ["time_to_first_token_seconds_count", max],
      ["time_to_first_token_seconds_sum", max],
      ["inter_token_latency_seconds_count", max],
      ["time_per_output_token_seconds_sum", max],
    ] as const
  ) {
    const page = (...values: number[]) =>
      values.map((value, engine) => `vllm:${name}{engine="${engine}"} ${value}\n`).join("");
    const isKnown = (...values: number[]) =>
      JSON.stringify(parseMetrics(page(...values))) !== JSON.stringify(NOTHING);
    assert.ok(isKnown(0) && isKnown(most), name);
    for (const value of [-1, -Infinity, 1.01 * most, 1e308, Infinity, NaN]) {
      assert.ok(!isKnown(value) && !isKnown(value, value), `${name} ${value}`);
    }
    if (most > 1) assert.ok(!isKnown(most, most), name);
  }
});

Deno.test("a cache of no tokens or of too many is unknown", () => {
  for (const size of ["0", "-5", "1e13", "1e308", "Infinity", "NaN", ""]) {
    const page = `vllm:cache_config_info{block_size="1e300",kv_cache_size_tokens="${size}"} 1.0\n`;
    assert.equal(parseMetrics(page).kvCacheTokens, undefined, size);
  }
});

Deno.test("whatever a page contains, all values read are finite and in range", () => {
  const number = fc.oneof(fc.double(), fc.constantFrom(1e308, -1, NaN, Infinity, 2 ** 53, 1e6));
  const names = ["num_requests_running", "kv_cache_usage_perc", "prompt_tokens_total"];
  const line = fc.tuple(fc.constantFrom(...names), fc.nat(3), number)
    .map(([name, engine, value]) => `vllm:${name}{engine="${engine}"} ${value}\n`);
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const { running, kvCacheUsage, counters } = parseMetrics(lines.join(""));
      for (
        const [value = 0, most] of [
          [running, 1e6],
          [kvCacheUsage, 1],
          [counters.prompt, Number.MAX_SAFE_INTEGER],
        ] as const
      ) assert.ok(value >= 0 && value <= most, `${value}`);
    }),
    { numRuns },
  );
});
