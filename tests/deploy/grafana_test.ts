import assert from "node:assert/strict";
import { STATES } from "../../src/monitor/server_gauges.ts";
import { exportedMetrics } from "./exported.ts";
import { resultLabels, wrongNames } from "./queries.ts";

interface Mapping {
  readonly options: Readonly<Record<string, { readonly text?: string; readonly color?: string }>>;
}

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
  readonly fieldConfig?: {
    readonly defaults: {
      readonly links?: unknown;
      readonly mappings?: readonly Mapping[];
      readonly thresholds?: { readonly steps: unknown };
    };
  };
  readonly transformations?: readonly {
    readonly options: {
      readonly excludeByName?: Readonly<Record<string, boolean>>;
      readonly renameByName?: Readonly<Record<string, string>>;
    };
  }[];
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
      "node_load1",
      "vllm_router_servers_up",
      "vllm_router_in_flight_bucket",
      "vllm_router_overhead_seconds",
      'vllm_router_in_flight{model="m"}',
      "sum by (le) (rate(vllm_router_overhead_seconds_sum[5m]))",
      "sum by (server) (rate(vllm_router_tokens_total[5m])) / sum by (server) (vllm_router_in_flight)",
    ]
  ) assert.notDeepEqual(wrongNames(expr, exported), [], expr);
});

Deno.test("the first panel is red unless a server takes requests", () => {
  const [row, first] = panels;
  assert.deepEqual([row!.type, first!.type], ["row", "stat"]);
  assert.match(first!.targets![0]!.expr, /^sum by \(instance\) \(vllm_router_server_up/);
  const { thresholds, mappings } = first!.fieldConfig!.defaults;
  assert.deepEqual(thresholds!.steps, [
    { color: "red", value: null },
    { color: "green", value: 1 },
  ]);
  assert.match(mappings![0]!.options["0"]!.text!, /503/);
});

Deno.test("the timeline of states has a number, a name and a colour for every state", () => {
  const { targets, fieldConfig } = panels.find(({ type }) => type === "state-timeline")!;
  const [{ options }] = fieldConfig!.defaults.mappings as [Mapping];
  const drawn = [
    ...targets![0]!.expr.matchAll(/(\d) \* vllm_router_server_state\{.*?state="(.*?)"/g),
  ];
  assert.deepEqual(drawn.map(([, , state]) => state).sort(), [...STATES].sort());
  for (const [, number, state] of drawn) {
    assert.equal(options[number!]!.text, state);
    assert.ok(options[number!]!.color, state);
  }
});

Deno.test("a server that goes out or comes back is marked on every chart, by its name", () => {
  const { list } = dashboard.annotations;
  assert.equal(list.length, 2);
  for (const { datasource, enable, expr, titleFormat } of list) {
    assert.deepEqual(datasource, { type: "prometheus", uid: "${datasource}" });
    assert.equal(enable, true);
    assert.deepEqual(wrongNames(expr, exported), []);
    assert.match(expr, /^vllm_router_server_up\{.*\} == [01] and changes\(/);
    assert.match(titleFormat, /\{\{server\}\}/);
  }
});

Deno.test("links lead to the dashboard of the router that a series or a row comes from", () => {
  const links = [...JSON.stringify(panels).matchAll(/"url":"(http.*?)"/g)].map(([, url]) => url);
  assert.deepEqual([...new Set(links)].sort(), [
    "http://${__field.labels.instance}/dashboard",
    "http://${__value.text}/dashboard",
  ]);
  for (const { title, fieldConfig, targets = [] } of panels) {
    if (!fieldConfig?.defaults.links) continue;
    for (const { expr } of targets) {
      assert.ok(resultLabels(expr, exported).includes("instance"), `${title}: ${expr}`);
    }
  }
});

Deno.test("a table hides every value that it gives no name", () => {
  for (const { title, type, targets, transformations } of panels) {
    if (type !== "table") continue;
    const { excludeByName, renameByName } = transformations!.at(-1)!.options;
    for (const { refId } of targets!) {
      const value = `Value #${refId}`;
      assert.ok(excludeByName![value] || renameByName![value], `${title}: ${value}`);
    }
  }
});
