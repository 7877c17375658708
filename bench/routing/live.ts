import { cpuMicroseconds, freePort, type Listening, sleep } from "../support/processes.ts";
import { createClient } from "./client.ts";
import type { StartContender } from "./live_contenders.ts";
import { startLiveFleet } from "./live_fleet.ts";
import { livePerfect } from "./live_perfect.ts";
import { quantile } from "./quantiles.ts";
import type { Replay } from "./replay.ts";
import type { TimedRequest } from "./request.ts";
import { type Outcomes, type Sample, sampleOf } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";
import { warmUp } from "./warm_up.ts";

/** Real time for the contender to check the servers. */
const SETTLE_MS = 1_000;
const MAX_RETRIES = 3;

/**
 * Replays a scenario over sockets. Servers and load share this process, so that the chooser with
 * perfect information can inspect them. Each contender runs in its own process.
 *
 * @param start `undefined` sends directly to the servers, with perfect information
 * @param timeScale fleet seconds per real second
 */
export async function replayLive(
  scenario: Scenario,
  replay: Replay,
  start: StartContender | undefined,
  timeScale: number,
): Promise<Outcomes> {
  await using fleet = await startLiveFleet(scenario, timeScale);
  await using stack = new AsyncDisposableStack();
  const processes: Listening[] = [];
  const adminPorts = scenario.peersTalk ? Array.from({ length: scenario.routers }, freePort) : [];
  for (let count = 0; start && count < scenario.routers; count++) {
    const own = adminPorts[count];
    const peers = own === undefined ? undefined : { own, all: adminPorts };
    processes.push(stack.use(await start(fleet.servers, peers)));
  }
  const client = createClient();
  stack.defer(() => client.close());
  const samples: Sample[] = [];
  const lateMs: number[] = [];
  let failed = 0;
  await sleep(SETTLE_MS);
  // In a cold scenario only the servers are warmed up.
  const warmed = start && !scenario.cold ? processes : fleet.servers;
  let turn = 0;
  await warmUp(client, () => warmed[turn++ % warmed.length]!.port);
  const perfect = livePerfect(fleet.servers, replay.answerTokens, timeScale);
  const before = fleet.prefixTokens();
  const startedAt = performance.now();
  const fleetMs = () => (performance.now() - startedAt) * timeScale;

  async function send(request: TimedRequest, index: number): Promise<void> {
    let firstAtMs: number | undefined;
    const onFirst = () => firstAtMs ??= fleetMs();
    try {
      if (start) {
        await client.send(processes[index % processes.length]!.port, request.body, onFirst);
      } else await sendPerfectly(request, onFirst, () => firstAtMs === undefined);
      const totalMs = fleetMs() - request.atMs;
      samples.push(sampleOf(firstAtMs! - request.atMs, totalMs, request.answerTokens));
    } catch {
      failed++;
    }
  }

  /** Retries on other servers until the first byte of an answer, as the router does. */
  async function sendPerfectly(
    request: TimedRequest,
    onFirst: () => void,
    mayRetry: () => boolean,
  ): Promise<void> {
    const tried = new Set<number>();
    while (true) {
      const place = perfect.choose(request, tried);
      if (place === undefined) throw new Error("No server is available");
      tried.add(place);
      try {
        return await client.send(fleet.servers[place]!.port, request.body, onFirst);
      } catch (error) {
        if (!mayRetry() || tried.size > MAX_RETRIES) throw error;
      }
    }
  }

  const cpuOf = (pids: readonly number[]) =>
    pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
  const contenders = processes.map(({ pid }) => pid);
  const [loadBefore, contendersBefore] = [cpuOf([Deno.pid]), cpuOf(contenders)];
  const open: Promise<void>[] = [];
  let restarted: Promise<void> | undefined;
  for (const [index, request] of replay.requests.entries()) {
    const waitMs = (request.atMs - fleetMs()) / timeScale;
    if (waitMs > 0) await sleep(waitMs);
    if (scenario.restart && !restarted && request.atMs >= replay.endMs / 2) {
      restarted = fleet.restart();
    }
    lateMs.push((fleetMs() - request.atMs) / timeScale);
    open.push(send(request, index));
  }
  await Promise.all([...open, restarted]);
  const elapsedUs = (performance.now() - startedAt) * 1000;
  const effort = {
    lateMs: quantile(lateMs.toSorted((a, b) => a - b), 0.99),
    loadCores: (cpuOf([Deno.pid]) - loadBefore) / elapsedUs,
    contenderCores: (cpuOf(contenders) - contendersBefore) / elapsedUs,
  };
  const { queries, hits } = fleet.prefixTokens();
  const hitRate = (hits - before.hits) / (queries - before.queries || 1);
  return { samples, failed, hitRate, effort };
}
