import assert from "node:assert/strict";
import { withFolder } from "../monitor/process.ts";
import { ask, startFleet } from "../support/fleet.ts";
import { startOtlpReceiver } from "../support/otlp_receiver.ts";
import { until } from "../support/until.ts";
import { hasPrometheus, startPrometheus } from "./prometheus_server.ts";

const KEY = "a-key-of-the-lab";
const PREFERS_OPEN =
  "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const TEXT = "text/plain; version=0.0.4; charset=utf-8";

Deno.test("/metrics is in OpenMetrics where asked for, once a sampled request has ended", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{}],
    tables: { tracing: { endpoint: collector.url } },
  });
  const typeFor = async (accept: string) => {
    const response = await fetch(`${fleet.router.url}/metrics`, { headers: { accept } });
    await response.body?.cancel();
    return response.headers.get("content-type");
  };
  assert.equal(await typeFor(PREFERS_OPEN), TEXT);
  await (await ask(fleet.router.url)).text();
  await until("the request has ended", async () => await typeFor(PREFERS_OPEN) !== TEXT);
  assert.match((await typeFor(PREFERS_OPEN))!, /^application\/openmetrics-text; version=1\.0\.0/);
  for (const accept of ["*/*", "text/plain", "application/openmetrics-text;q=0.1,text/plain"]) {
    assert.equal(await typeFor(accept), TEXT, accept);
  }
});

Deno.test({
  name: "Prometheus stores the exemplars of both histograms, and knows counters as before",
  ignore: !hasPrometheus(),
  fn: () =>
    withFolder(async (folder) => {
      await using collector = startOtlpReceiver();
      await using fleet = await startFleet({
        servers: [{}],
        tables: { tracing: { endpoint: collector.url } },
        env: { OTEL_BSP_SCHEDULE_DELAY: "1" },
      });
      const host = new URL(fleet.router.url).host;
      await using prometheus = await startPrometheus(folder, { host, key: KEY });
      for (
        const metric of [
          "vllm_router_time_to_first_token_seconds_bucket",
          "vllm_router_request_duration_seconds_bucket",
        ]
      ) {
        let stored: readonly Readonly<Record<string, string>>[] = [];
        await until(`an exemplar of ${metric} is stored`, async () => {
          await (await ask(fleet.router.url, { stream: true })).text();
          stored = await prometheus.exemplars(metric);
          return stored.length > 0;
        });
        for (const { trace_id } of stored) await collector.spansOf(2, trace_id!);
      }
      for (const series of ["vllm_router_requests_total", "process_cpu_seconds_total"]) {
        await until(`${series} is known`, async () => (await prometheus.query(series)).length > 0);
      }
    }),
});
