import assert from "node:assert/strict";
import { isRoutable } from "../../src/fleet/state/server.ts";
import { STATES } from "../../src/monitor/server_gauges.ts";
import { loadConfig } from "../../src/config/file/load.ts";
import { startGateway } from "../../src/gateway.ts";
import { setUpLog } from "../../src/monitor/log.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { read as readPage, tableWith } from "../docs/pages.ts";
import { ask } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { exportedMetrics } from "./exported.ts";
import { hasPromtool, promtool } from "./promtool.ts";
import { resultLabels, wrongNames } from "./queries.ts";

const ignore = !hasPromtool();
const exported = await exportedMetrics();
const alerts = await Deno.readTextFile(
  new URL("../../deploy/prometheus/alerts.yml", import.meta.url),
);

Deno.test({
  name: "promtool accepts the configuration and the rules",
  ignore,
  async fn() {
    for (const args of [["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"]]) {
      const { code, output } = await promtool(args);
      assert.equal(code, 0, output);
      assert.doesNotMatch(output, /warn|error|fail|lint/i);
    }
  },
});

Deno.test({
  name: "every alert fires when it should, and only then",
  ignore,
  async fn() {
    const { code, output } = await promtool(["test", "rules", "alerts_test.yml"]);
    assert.equal(code, 0, output);
    const cases = await Deno.readTextFile(
      new URL("../../deploy/prometheus/alerts_test.yml", import.meta.url),
    );
    for (const [, name] of alerts.matchAll(/- alert: (\w+)/g)) {
      const expected = [...cases.matchAll(/alertname: (\w+)\s+exp_alerts:( \[\])?/g)]
        .filter(([, alert]) => alert === name).map(([, , none]) => none === undefined);
      assert.deepEqual([...new Set(expected)].sort(), [false, true], `${name}: both cases`);
    }
  },
});

Deno.test("every alert uses exported names and labels, and has a severity and a description", () => {
  const rules = alerts.split(/^ +- alert: /m).slice(1);
  assert.equal(rules.length, 22);
  for (const rule of rules) {
    const expr = /\bexpr: ([^]*?)\n +for:/.exec(rule)![1]!;
    assert.deepEqual(wrongNames(expr, exported), []);
    assert.match(rule, /severity: (critical|warning)\n/);
    assert.match(rule, /summary: .+\n/);
    assert.match(rule, /description: .+\n/);
  }
});

Deno.test("every alert names the section of a page that says more", async () => {
  const runbooks = [...alerts.matchAll(/^ +runbook: (.*)$/gm)].map(([, runbook]) => runbook!);
  assert.equal(runbooks.length, alerts.match(/^ +- alert: /gm)!.length);
  for (const runbook of runbooks) {
    const [page, section] = runbook.split("#");
    const text = await Deno.readTextFile(new URL(`../../${page}`, import.meta.url));
    const sections = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-")
    );
    assert.ok(sections.includes(section!), runbook);
  }
});

Deno.test("docs/monitoring.md lists every alert with its severity", () => {
  const rows = tableWith(readPage("docs/monitoring.md"), "VllmRouterServerDown");
  assert.deepEqual(
    rows.map(([name, severity]) => [name, severity]),
    [...alerts.matchAll(/- alert: (\w+)\n[^]*?severity: (\w+)/g)].map(([, ...of]) => of),
  );
});

Deno.test("an alert about a server, a model or a key names it", () => {
  for (const rule of alerts.split(/^ +- alert: /m).slice(1)) {
    const expr = /\bexpr: ([^]*?)\n +for:/.exec(rule)![1]!;
    const summary = /summary: ([^]*?)\n +description:/.exec(rule)![1]!;
    const labels = resultLabels(expr, exported);
    for (const label of ["server", "model", "key"]) {
      if (labels.includes(label)) assert.ok(summary.includes(`$labels.${label}`), summary);
    }
  }
});

Deno.test("alerts for servers that are down match exactly the states that count as down", () => {
  const down = STATES.filter((state) => !isRoutable(state) && state !== "draining").sort();
  for (const name of ["VllmRouterNoHealthyServer", "VllmRouterServerDown"]) {
    const rule = alerts.split("- alert: ").find((rule) => rule.startsWith(`${name}\n`))!;
    const named = /\(([\w\s,]+ or \w+)\)/.exec(rule)![1]!;
    assert.deepEqual(named.split(/,\s+|\s+or\s+/).sort(), down, name);
  }
});

Deno.test({
  name: "promtool finds no problem in the metrics of a router under load",
  ignore,
  async fn() {
    await using sick = await startSimulator({ speed: 20, fault: { kind: "reset_before_head" } });
    await using well = await startSimulator({ speed: 20 });
    const page = await pageAfterTraffic(sick, well);
    for (
      const series of [
        /^vllm_router_requests_total\{.*code="200"\} [1-9]/m,
        /^vllm_router_failovers_total\{reason="reset"\} [1-9]/m,
        /^vllm_router_client_disconnects_total\{stage="streaming"\} 1$/m,
        /^vllm_router_config_reloads_total\{outcome="ok"\} [1-9]/m,
        /^vllm_router_config_reloads_total\{outcome="invalid"\} [1-9]/m,
        /^vllm_router_time_to_first_token_seconds_count\{model=".*"\} [1-9]/m,
      ]
    ) assert.match(page, series);
    const { code, output } = await promtool(["check", "metrics"], page);
    assert.equal(output, "");
    assert.equal(code, 0);
  },
});

/** The metrics of a router after responses, failovers, a client disconnect and two reloads. */
async function pageAfterTraffic(sick: Simulator, well: Simulator): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/servers.toml`;
    const servers = [sick, well].map(({ url }) => `{ url = "${url}" }`);
    const write = (more: string) =>
      Deno.writeTextFile(path, `[servers]\nservers = [${servers}]\n[config]\n${more}`);
    // Round robin, so that the failing server gets requests.
    await write(`policy = "round_robin"\n`);
    const { text, files, checked } = await loadConfig(path);
    assert.ok(checked.ok);
    await setUpLog({ level: "error", console: "none" });
    const { config } = checked;
    await using router = startGateway({
      hostname: "127.0.0.1",
      port: 0,
      config,
      file: { path, text, files },
    });
    const url = `http://127.0.0.1:${router.port}`;
    const pageNow = async () => await (await fetch(`${url}/metrics`)).text();
    await (await ask(url, { stream: true })).text();
    await until("a failover happens", async () => {
      await (await ask(url)).text();
      return /^vllm_router_failovers_total\{/m.test(await pageNow());
    });

    const gone = new AbortController();
    const left = await ask(url, { stream: true, tokens: 1_000, signal: gone.signal });
    const reader = left.body!.getReader();
    await reader.read();
    gone.abort();
    await reader.cancel().catch(() => {});
    await until(
      "the router notices the disconnect",
      async () => /stage="streaming"/.test(await pageNow()),
    );

    await write("max_retries = 2\n");
    await until(
      "the reload is counted",
      async () => /reloads_total\{outcome="ok"/.test(await pageNow()),
    );
    await write("max_retries = -2\n");
    await until(
      "the rejected reload is counted",
      async () => /outcome="invalid"/.test(await pageNow()),
    );
    return await pageNow();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
