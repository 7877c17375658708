import assert from "node:assert/strict";
import { exportedMetrics } from "./exported.ts";
import { resultLabels, wrongNames } from "./queries.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}

const file = new URL("../../deploy/grafana/vllm-router.json", import.meta.url);
const dashboard = JSON.parse(await Deno.readTextFile(file));
const panels: readonly Panel[] = dashboard.panels;
const exported = await exportedMetrics();

/** Grafana's columns. */
const WIDTH = 24;

Deno.test("the dashboard has the fields that Grafana needs to import it", () => {
  const { title, uid, schemaVersion, time, templating } = dashboard;
  assert.equal(typeof title, "string");
  // Grafana rejects longer ones.
  assert.match(uid, /^[a-zA-Z0-9_-]{1,40}$/);
  assert.ok(Number.isInteger(schemaVersion));
  assert.deepEqual(Object.keys(time), ["from", "to"]);
  const [source, ...variables] = templating.list;
  assert.deepEqual([source.name, source.type, source.query], [
    "datasource",
    "datasource",
    "prometheus",
  ]);
  for (const { type, datasource } of variables) {
    assert.equal(type, "query");
    assert.deepEqual(datasource, { type: "prometheus", uid: "${datasource}" });
  }
});

Deno.test("every panel has a unique id, a title, a query and the selected data source", () => {
  const ids = panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { type, title, description, datasource, targets } of panels) {
    assert.ok(title, "a title");
    if (type === "row") continue;
    assert.ok(description, `${title} says what it shows`);
    assert.deepEqual(datasource, { type: "prometheus", uid: "${datasource}" }, title);
    assert.ok(targets && targets.length > 0, title);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    for (const target of targets) assert.equal(target.datasource.uid, "${datasource}", title);
  }
});

Deno.test("no panels overlap or leave the grid", () => {
  const taken = new Map<string, string>();
  for (const { title, gridPos: { x, y, w, h } } of panels) {
    assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= WIDTH, title);
    for (let row = y; row < y + h; row++) {
      for (let column = x; column < x + w; column++) {
        const place = `${column}, ${row}`;
        assert.ok(!taken.has(place), `${title} and ${taken.get(place)} at ${place}`);
        taken.set(place, title);
      }
    }
  }
});

Deno.test("queries use exported names and labels, and legends use labels of their query's result", () => {
  for (const { title, targets = [] } of panels) {
    for (const { expr, legendFormat } of targets) {
      assert.deepEqual(wrongNames(expr, exported), [], title);
      const labels = resultLabels(expr, exported);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(labels.includes(label!), `${title}: ${label} in ${legendFormat}`);
      }
    }
  }
});

Deno.test("every variable comes from an exported metric, and every variable in use is defined", () => {
  const names = dashboard.templating.list.map(({ name }: { name: string }) => name);
  for (const { type, definition } of dashboard.templating.list) {
    if (type === "datasource") continue;
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition)!;
    assert.ok(exported.get(metric!)?.labels.has(label!), definition);
  }
  for (const { targets = [] } of panels) {
    for (const { expr } of targets) {
      for (const [, name] of expr.matchAll(/\$(\w+)/g)) {
        assert.ok(name === "__rate_interval" || names.includes(name), expr);
      }
    }
  }
});

Deno.test("every exported metric is in a panel", () => {
  const drawn = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join("\n");
  for (const name of exported.keys()) assert.ok(drawn.includes(name), name);
});

Deno.test("the check of names finds wrong names", () => {
  for (
    const expr of [
      "up",
      "vllm_router_servers_up",
      "vllm_router_in_flight_bucket",
      "vllm_router_overhead_seconds",
      'vllm_router_in_flight{model="m"}',
      "sum by (le) (rate(vllm_router_overhead_seconds_sum[5m]))",
      "sum by (server) (rate(vllm_router_tokens_total[5m])) / sum by (server) (vllm_router_in_flight)",
    ]
  ) assert.notDeepEqual(wrongNames(expr, exported), [], expr);
});
