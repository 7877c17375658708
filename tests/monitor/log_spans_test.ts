import assert from "node:assert/strict";
import { startCli } from "../support/cli.ts";
import { ask } from "../support/fleet.ts";
import { startOtlpReceiver } from "../support/otlp_receiver.ts";
import { until } from "../support/until.ts";
import { deadUrl, metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";
import { logLines } from "./process.ts";

const startVllm = () =>
  startUpstream((request) => {
    if (request.url.endsWith("/v1/models")) return modelsPage("simulated-model");
    if (request.url.endsWith("/metrics")) return metricsPage();
    return Response.json({ choices: [{ finish_reason: "stop", message: { content: "a" } }] });
  });

Deno.test("an outage of the collector is one warning, and its end one line", async () => {
  await using vllm = startVllm();
  const url = deadUrl();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${url}?key=secret`, OTEL_BSP_SCHEDULE_DELAY: "1" };
  await using router = await startCli(["--console", "--server", vllm.url], { env });
  const about = (pattern: RegExp) => () =>
    logLines(router.output()).filter(({ message }) => pattern.test(String(message)));
  const warnings = about(/takes no spans/);
  await (await ask(router.url)).text();
  await until("a warning", () => warnings().length > 0);
  await (await ask(router.url)).text();
  await using collector = startOtlpReceiver(Number(new URL(url).port));
  // On a slow machine the router may have failed so often that it waits for half a minute.
  await until("4 spans came", () => collector.spans.length >= 4, 120_000);
  const recovered = about(/takes spans again/);
  await until("the end of the outage", () => recovered().length > 0);
  assert.equal(warnings().length, 1);
  assert.equal(warnings()[0]!["level"], "warning");
  assert.match(String(warnings()[0]!["why"]), /refused/i);
  assert.equal(recovered().length, 1);
  assert.equal(recovered()[0]!["lost"], 0);
  assert.match(router.output(), /Traces of 100% of requests go to http:[^"]+\/v1\/traces"/);
  assert.doesNotMatch(router.output(), /secret/);
});

Deno.test("variables that can't be used are warnings at the start", async () => {
  await using vllm = startVllm();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  };
  await using router = await startCli(["--console", "--server", vllm.url], { env });
  await until("a warning", () => /OTEL_EXPORTER_OTLP_PROTOCOL: grpc/.test(router.output()));
});

Deno.test("a router that is stopped sends the spans of its last requests", async () => {
  await using vllm = startVllm();
  await using collector = startOtlpReceiver();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "3600000" };
  await using router = await startCli(["--console", "--server", vllm.url], { env });
  await (await ask(router.url)).text();
  router.kill("SIGTERM");
  assert.equal((await router.status).code, 0);
  assert.equal(collector.spans.length, 2);
});
