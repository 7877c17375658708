/**
 * Assembles the router's parts with or without observing each chunk, so that nothing else differs.
 * Both include the cost at the start and the end of a request.
 *
 * Arguments: the server's port, the port to listen on, and `true` to observe each chunk.
 */
import { createApp } from "../../../src/api/app.ts";
import { createForward } from "../../../src/api/forward.ts";
import { createForwardedPaths } from "../../../src/api/forwarded_paths.ts";
import { createGuard } from "../../../src/api/guard.ts";
import { createKeyring } from "../../../src/auth/keyring.ts";
import { createTokenBudgets } from "../../../src/auth/token_limits.ts";
import { openClientPool } from "../../../src/http/client_pool.ts";
import { checkConfig } from "../../../src/config/schema.ts";
import { Fleet } from "../../../src/fleet/fleet.ts";
import { startPolling } from "../../../src/polling/poll.ts";
import { combineListeners } from "../../../src/monitor/listener.ts";
import { createMetrics } from "../../../src/monitor/metrics.ts";
import { startMonitor } from "../../../src/monitor/monitor.ts";
import { createProxies } from "../../../src/proxy/create_proxies.ts";
import { denoArguments, freePort, startListening } from "../../support/processes.ts";
import type { Proxy } from "../proxies/proxy.ts";
import { CAPACITY } from "../proxies/router.ts";

export const OBSERVING = "observing each chunk";
export const NOT_OBSERVING = "not observing";

/** The two variants to compare. */
export const observers: readonly Proxy[] = [
  variant(OBSERVING, true),
  variant(NOT_OBSERVING, false),
];

function variant(name: string, observe: boolean): Proxy {
  return { name, canServeTls: false, start: ({ upstream }) => startParts(upstream, observe) };
}

function startParts(upstream: number, observe: boolean) {
  const port = freePort();
  const args = denoArguments(
    "cost/self/observing.ts",
    String(upstream),
    String(port),
    String(observe),
  );
  return startListening(Deno.execPath(), args, port);
}

async function serveParts(upstream: number, port: number, observe: boolean): Promise<void> {
  const url = `http://127.0.0.1:${upstream}`;
  const server = { url, max_concurrent_requests: CAPACITY };
  const checked = checkConfig({ servers: { servers: [server] } }, () => undefined);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const fleet = new Fleet({ config: checked.config });
  const snapshot = () => fleet.snapshot();
  const metrics = createMetrics(snapshot, "bench");
  const identity = {
    version: "bench",
    address: url,
    isAdminElsewhere: false,
    startedAt: Date.now(),
  };
  const monitor = startMonitor(snapshot, identity, {
    keys: { list: () => [], shareOf: () => undefined },
  });
  const all = combineListeners([metrics.listener, ...monitor.listeners], console.error);
  const observer = observe ? all : { ...all, nextToken() {} };
  const connections = openClientPool();
  await startPolling(fleet, connections).firstRound();
  const never = new AbortController().signal;
  const guard = createGuard({
    keyring: createKeyring(() => []),
    budgets: createTokenBudgets(() => checked.config.access),
    access: () => checked.config.access,
    settings: () => fleet.settings,
    onTurnedAway() {},
    onWrongKey() {},
  });
  const paths = createForwardedPaths(() => fleet.settings.extraPaths);
  const tracer = () => undefined;
  const forward = createForward({
    paths,
    guard,
    tracer,
    ...createProxies({
      tracer,
      fleet,
      connections,
      observer,
      cutOff: never,
      modelFor: (asked) => asked,
      relist: () => Promise.resolve(),
      listedModels: () => [],
    }),
    onAnswered() {},
  });
  const app = createApp({
    forward,
    paths,
    guard,
    corsOrigins: () => ["*"],
    adminIsElsewhere: false,
    snapshot,
    modelNames: () => ({ aliases: [] }),
    onListed() {},
    monitor,
    metrics,
    stopping: never,
    onAnswered() {},
    onError: console.error,
  });
  Deno.serve(
    { hostname: "127.0.0.1", port, onListen() {} },
    (request, info) => app.fetch(request, info),
  );
}

if (import.meta.main) {
  const [upstream, port, observe] = Deno.args;
  await serveParts(Number(upstream), Number(port), observe === "true");
}
