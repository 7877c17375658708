import assert from "node:assert/strict";
import { ask, inFlight } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { openPage } from "./browser.ts";
import { browserTest, shownRows, startRealFleet, textOf, untilShown } from "./page.ts";

/** Computes prompts within seconds, and then so slowly that the load does not change. */
const STILL = { speed: 0.05, prefillTokensPerSecond: 200_000 };

browserTest("the numbers on the page match /load-stats", async () => {
  await using fleet = await startRealFleet([
    { ...STILL, maxNumSeqs: 2, capacity: 4 },
    { ...STILL, maxNumSeqs: 8, capacity: 8 },
    { ...STILL, maxNumSeqs: 2, capacity: 3 },
  ]);
  const { router } = fleet;
  const leaving = new AbortController();
  const { signal } = leaving;
  const held = Array.from({ length: 18 }, async (_, at) => {
    // Two that wait for a seat are longer than what a server computes in one step. None is cached.
    const content = `${at}: ` + "Tell me more. ".repeat(400);
    const answer = await ask(router.url, { tokens: 1_000, stream: true, signal, content });
    await answer.body?.pipeTo(new WritableStream(), { signal });
  });
  const ended = Promise.allSettled(held);
  await until("all are in flight", () => inFlight(router) === held.length);
  await until(
    "the scrapes tell of all of them",
    () =>
      router.fleet.snapshot().servers.every(({ scrape, inFlight }) =>
        scrape !== undefined && scrape.running! + scrape.waiting! === inFlight
      ),
  );

  await using open = await openPage(router.url);
  const { page } = open;
  await untilShown(page, 3);
  const loadStats = async () => await (await fetch(`${router.url}/load-stats`)).json();
  const expected = async () =>
    (await loadStats()).servers.map((server: Record<string, number>) => ({
      url: server.url,
      state: `● ${server.health_status}`,
      running: String(server.running),
      waiting: String(server.waiting),
      capacity: String(server.max_capacity),
      backlog: server.pending_prefill_tokens!.toLocaleString("en"),
      usage: `${Math.round((server.current_load ?? 0) / (server.max_capacity ?? 0) * 100)}%`,
    }));
  const shown = async () =>
    (await shownRows(page)).map(({ url, state, running, waiting, capacity, backlog, usage }) => ({
      url,
      state,
      running,
      waiting,
      capacity,
      backlog,
      usage,
    }));
  await until(
    "the page shows that load",
    async () => JSON.stringify(await shown()) === JSON.stringify(await expected()),
  ).catch(async () => assert.deepEqual(await shown(), await expected()));
  const stats = await loadStats();
  const some = (name: string) =>
    stats.servers.some((server: Record<string, number>) => server[name]! > 0);
  assert.ok(some("waiting"));
  assert.ok(some("pending_prefill_tokens"));

  const { summary } = stats;
  assert.equal(summary.total_active_load, held.length);
  assert.equal(
    await textOf(page, "#healthy"),
    `${summary.healthy_servers} of ${summary.total_servers}`,
  );
  assert.equal(
    await textOf(page, "#load"),
    `${Math.round(summary.total_active_load / summary.total_capacity * 100)}%`,
  );
  assert.equal(await textOf(page, "#in-flight"), String(held.length));
  assert.deepEqual(open.complaints, []);
  leaving.abort();
  await ended;
});

browserTest("a failed server turns red, with requests and without", async () => {
  await using fleet = await startRealFleet([{}, {}, {}]);
  const { router, simulators } = fleet;
  await using open = await openPage(router.url);
  const { page } = open;
  await untilShown(page, 3);
  assert.equal(await textOf(page, "#healthy"), "3 of 3");
  const isRed = (url: string) => async () => {
    const row = (await shownRows(page)).find((row) => row.url === url);
    return row?.state === "✖ unhealthy" && row.shownState === "unhealthy";
  };

  let busy = true;
  const traffic = (async () => {
    while (busy) await Promise.all([1, 2, 3].map(async () => (await ask(router.url)).text()));
  })();
  await simulators[1]!.setFault({ kind: "refuse" });
  await until("it is red", isRed(simulators[1]!.url));
  busy = false;
  await traffic;

  // It gets no requests, so three scrapes half a second apart must fail.
  await simulators[2]!.setFault({ kind: "refuse" });
  await until("an idle one is red", isRed(simulators[2]!.url));

  const [green, red] = await page.evaluate(
    `[...document.querySelectorAll("td.state")].map((cell) => getComputedStyle(cell).color)`,
  ) as string[];
  assert.notEqual(red, green);
  assert.equal(await textOf(page, "#healthy"), "1 of 3");
  const events = await textOf(page, "#events");
  for (const { url } of simulators.slice(1)) {
    assert.ok(events.includes(`${new URL(url).host} is unhealthy`));
  }
});
