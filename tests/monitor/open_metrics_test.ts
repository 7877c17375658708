import assert from "node:assert/strict";
import { createMetrics } from "../../src/monitor/metrics.ts";
import { toOpenMetrics } from "../../src/monitor/open_metrics.ts";
import type { Trace } from "../../src/proxy/trace.ts";
import { openRecord } from "../../src/proxy/request_record.ts";
import { clientAs } from "../support/client.ts";
import { snapshotWith } from "./views.ts";

const MODEL = 'a "model"\\1';
const models = new Map([[MODEL, { id: MODEL }]]);
const record = {
  ...openRecord({ id: "1", client: clientAs(), method: "POST", path: "/" }),
  model: MODEL,
  attempts: 1,
  status: 200,
  outcome: "ok",
  durationMs: 700,
  firstTokenMs: 90,
} as const;

const traceOf = (id: string, isSampled = true): Trace => ({
  id,
  isSampled,
  attempt: () => ({ headers: [] }),
  end: () => {},
});

function create() {
  const server = { url: "http://gpu-1:8000", name: "gpu-1", models };
  return createMetrics(() => snapshotWith([server]), "1.2.3");
}

/** Counts a request with its first token. */
function count({ listener }: ReturnType<typeof create>, trace: Trace, durationMs = 700): void {
  listener.firstToken!({ url: "http://gpu-1:8000", name: "gpu-1" }, 90, 90, MODEL);
  listener.closed!({ ...record, durationMs }, trace);
}

Deno.test("a page becomes OpenMetrics: counters lose their suffix, and it has an end", () => {
  const page = `# HELP a_total Says "hello".
# TYPE a_total counter
a_total{b="c d"} 1

# HELP d_total No counter.
# TYPE d_total gauge
d_total 2
`;
  assert.equal(
    toOpenMetrics(page, () => undefined),
    `# HELP a Says \\"hello\\".
# TYPE a counter
a_total{b="c d"} 1
# HELP d_total No counter.
# TYPE d_total gauge
d_total 2
# EOF
`,
  );
});

Deno.test("each bucket names its latest sampled trace, with its value and its time", async () => {
  const metrics = create();
  count(metrics, traceOf("a".repeat(32)));
  count(metrics, traceOf("b".repeat(32)));
  count(metrics, traceOf("c".repeat(32), false));
  count(metrics, traceOf("d".repeat(32)), 1_000_000);
  const page = (await metrics.openMetricsPage())!;
  const exemplars = page.split("\n").filter((line) => line.includes(" # {"));
  const label = MODEL.replace("\\", "\\\\").replaceAll('"', '\\"');
  assert.deepEqual(exemplars.map((line) => line.replace(/ \d+\.\d+$| \d+$/, "")).sort(), [
    `vllm_router_request_duration_seconds_bucket{le="+Inf"} 4 # {trace_id="${
      "d".repeat(32)
    }"} 1000`,
    `vllm_router_request_duration_seconds_bucket{le="1"} 3 # {trace_id="${"b".repeat(32)}"} 0.7`,
    `vllm_router_time_to_first_token_seconds_bucket{le="0.1",model="${label}"} 4 ` +
    `# {trace_id="${"d".repeat(32)}"} 0.09`,
  ]);
  const at = Number(/ (\S+)$/.exec(exemplars[0]!)![1]);
  assert.ok(Math.abs(at - Date.now() / 1000) < 600);
});

Deno.test("the ordinary page has no exemplars, and there is no other without sampled requests", async () => {
  const metrics = create();
  const before = metrics.openMetricsPage();
  count(metrics, traceOf("c".repeat(32), false));
  assert.deepEqual([before, metrics.openMetricsPage()], [undefined, undefined]);
  count(metrics, traceOf("a".repeat(32)));
  await metrics.openMetricsPage();
  const page = await metrics.page();
  assert.doesNotMatch(page, /trace_id|# EOF/);
  assert.match(page, /^# TYPE vllm_router_requests_total counter$/m);
});
