import assert from "node:assert/strict";
import type { History } from "../../src/monitor/history.ts";
import type { ServerDetail } from "../../src/monitor/server_detail.ts";
import type { View } from "../../src/monitor/view.ts";
import { ask, MODEL, startFleet, type TestFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

// What the screens tell when something is wrong (issue 19).

const start = () =>
  startFleet({
    servers: [{}, {}],
    settings: { policy: "round_robin", failure_threshold: 1, health_check_interval: 0.2 },
  });

async function read<T>({ router }: TestFleet, path: string): Promise<T> {
  return await (await fetch(router.url + path)).json() as T;
}

Deno.test("a fleet without a healthy server says since when, its models and requests why", async () => {
  await using fleet = await start();
  const view = () => read<View>(fleet, "/dashboard/view");
  await (await ask(fleet.router.url)).text();
  const before = await view();
  assert.equal(before.totals.noneHealthySince, null);
  assert.deepEqual(before.models.map(({ name, healthy }) => [name, healthy]), [[MODEL, 2]]);

  const closedAt = Date.now();
  for (const simulator of fleet.simulators) await simulator.close();
  await until("none is healthy", async () => (await view()).totals.healthy === 0);
  const response = await ask(fleet.router.url);
  const { error } = await response.json();
  assert.equal(response.status, 503);
  await until("the failure is shown", async () => (await view()).failures.length > 0);

  const { totals, servers, models, failures } = await view();
  assert.ok(totals.noneHealthySince! >= closedAt && totals.noneHealthySince! <= Date.now());
  assert.ok(servers.every(({ since }) => since >= closedAt - 1_000));
  assert.deepEqual(models.map(({ servers, healthy }) => [servers, healthy]), [[2, 0]]);
  assert.equal(failures[0]!.status, 503);
  assert.equal(failures[0]!.reason, error.message);
  assert.equal(failures[0]!.id, response.headers.get("x-request-id"));
  assert.ok(totals.failedLastMinute >= 1 && totals.failedShare! > 0);
});

Deno.test("a server's page counts its attempts, and the history has the change of its state", async () => {
  await using fleet = await start();
  const [first] = fleet.simulators;
  const url = encodeURIComponent(first!.url);
  for (let i = 0; i < 4; i++) await (await ask(fleet.router.url)).text();
  await first!.setFault({ kind: "status", status: 500 });
  await until("it is unhealthy", async () => {
    await (await ask(fleet.router.url)).text();
    const { servers } = await read<View>(fleet, "/dashboard/view");
    return servers[0]!.state === "unhealthy";
  });

  const detail = await read<ServerDetail>(fleet, `/dashboard/server?url=${url}`);
  assert.equal(detail.engine, "vllm");
  assert.equal(detail.attempts.ok, 2);
  assert.ok(detail.attempts.bad_status! >= 1);
  assert.ok(detail.checks.total >= 1 && detail.checks.lastAt! <= Date.now());
  assert.ok(detail.pace.prefillTokensPerSecond > 0 && detail.pace.interTokenMs > 0);
  const { changes } = await read<History>(fleet, "/dashboard/history");
  assert.match(changes[0]!.text, / is unhealthy, was healthy: /);

  const unknown = await fetch(`${fleet.router.url}/dashboard/server?url=http://nobody`);
  assert.equal(unknown.status, 404);
  await unknown.body?.cancel();
});
