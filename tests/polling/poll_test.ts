import assert from "node:assert/strict";
import { openClientPool } from "../../src/http/client_pool.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { startPolling } from "../../src/polling/poll.ts";
import type { Poller, PollingOptions } from "../../src/polling/poller.ts";
import { stateOf } from "../../src/fleet/state/server.ts";
import { configOf } from "../support/config.ts";
import { until } from "../support/until.ts";
import {
  deadUrl,
  metricsPage,
  modelsPage,
  startSilent,
  startUpstream,
} from "../support/upstream.ts";
import { profileOf } from "../support/work.ts";

/** Seconds, as in the configuration file. */
const QUICK = {
  metrics_interval: 0.02,
  health_check_interval: 0.03,
  health_check_timeout: 2,
};

interface Polled {
  readonly fleet: Fleet;
  readonly poller: Poller;
  readonly state: (url: string) => string | undefined;
}

async function polling(
  servers: readonly Record<string, unknown>[],
  use: (polled: Polled) => Promise<void>,
  settings: Record<string, unknown> = {},
  { now = Date.now, mayConnect = () => {}, ...options }: PollingOptions & {
    /** Throws if the connection fails. */
    readonly mayConnect?: () => void;
  } = {},
): Promise<void> {
  const connections = openClientPool();
  const fleet = new Fleet({
    config: configOf(servers, { ...QUICK, ...settings }),
    now,
  });
  const poller = startPolling(fleet, {
    ...connections,
    to: (server) => (mayConnect(), connections.to(server)),
  }, { now, ...options });
  try {
    await use({
      fleet,
      poller,
      state(url) {
        const server = fleet.servers.find(({ config }) => config.url === url);
        return server && stateOf(server);
      },
    });
  } finally {
    await poller.stop();
    connections.close();
  }
}

/** A fake vLLM server for polls, with configurable answers and recorded requests. */
function startServer(answers: {
  health?: number;
  models?: string[];
  metrics?: () => Response | Promise<Response>;
} = {}) {
  const state = {
    health: 200,
    models: ["m"],
    modelsStatus: 200,
    metrics: metricsPage,
    ...answers,
  };
  const asked: string[] = [];
  let most = 0;
  const now = new Map<string, number>();
  const upstream = startUpstream(async (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    now.set(pathname, (now.get(pathname) ?? 0) + 1);
    most = Math.max(most, ...now.values());
    try {
      if (pathname === "/health") {
        return new Response(null, { status: state.health });
      }
      if (pathname === "/v1/models") {
        return state.modelsStatus === 200
          ? modelsPage(...state.models)
          : new Response(null, { status: state.modelsStatus });
      }
      return await state.metrics();
    } finally {
      now.set(pathname, now.get(pathname)! - 1);
    }
  });
  return {
    url: upstream.url,
    state,
    asked,
    times: (path: string) => asked.filter((other) => other === path).length,
    /** Maximum concurrent requests of one kind. */
    most: () => most,
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

Deno.test("the first round checks every server and discovers its models", async () => {
  await using one = startServer({ models: ["one"] });
  await using two = startServer({ models: ["two"] });
  const dead = deadUrl();
  await polling(
    [{ url: one.url }, { url: two.url }, { url: dead }],
    async ({ fleet, poller, state }) => {
      await poller.firstRound();
      assert.equal(state(one.url), "healthy");
      assert.equal(state(two.url), "healthy");
      assert.equal(state(dead), "unhealthy");
      assert.deepEqual(
        fleet.servers.map(({ models }) => [...models.keys()]),
        [["one"], ["two"], []],
      );
    },
    { health_check_interval: 60 },
  );
});

Deno.test("a server that hangs doesn't delay others", async () => {
  await using silent = startSilent();
  await using well = startServer();
  await polling(
    [{ url: silent.url }, { url: well.url }],
    async ({ fleet, state }) => {
      await until(
        "the other was checked and scraped again and again",
        () => well.times("/health") > 3 && well.times("/metrics") > 3,
      );
      assert.equal(state(well.url), "healthy");
      assert.equal(state(silent.url), "checking");
      assert.equal(fleet.servers[0]?.health.totalChecks, 0);
    },
    { health_check_timeout: 60 },
  );
});

Deno.test("hanging metrics don't delay health checks of the same server, nor vice versa", async () => {
  const hang = Promise.withResolvers<void>();
  await using server = startServer({ metrics: () => hang.promise.then(() => metricsPage()) });
  await polling([{ url: server.url }], async () => {
    await until("asked for metrics", () => server.times("/metrics") === 1);
    const before = server.times("/health");
    await until(
      "checked on",
      () => server.times("/health") > before + 3,
    );
    assert.equal(server.times("/metrics"), 1);
    hang.resolve();
    await until("scraped again", () => server.times("/metrics") > 1);
  }, { health_check_timeout: 60 });
});

Deno.test("polls of one kind never overlap on a server", async () => {
  const slowly = () =>
    new Promise<Response>((resolve) => setTimeout(() => resolve(metricsPage()), 60));
  await using server = startServer({ metrics: slowly });
  await polling([{ url: server.url }], async ({ poller }) => {
    poller.sync();
    await until("scraped a few times", () => server.times("/metrics") >= 4);
    poller.sync();
    await until("scraped on", () => server.times("/metrics") >= 6);
    assert.equal(server.most(), 1);
  });
});

Deno.test("models are read with each check and on recovery", async () => {
  await using server = startServer({ models: ["before"] });
  await polling([{ url: server.url }], async ({ fleet, state }) => {
    const lists = (model: string) => fleet.servers[0]!.models.has(model);
    await until("discovered", () => lists("before"));
    server.state.models = ["after"];
    await until("discovered anew", () => lists("after") && !lists("before"));

    server.state.health = 503;
    await until("out", () => state(server.url) === "unhealthy");
    server.state.models = ["back"];
    server.state.health = 200;
    await until("back", () => state(server.url) === "healthy");
    assert.ok(lists("back"), "it lists its models the moment it is back");
  });
});

Deno.test("fixed models are not read", async () => {
  await using server = startServer();
  await polling(
    [{ url: server.url, models: ["fixed"] }],
    async ({ fleet }) => {
      await until("checked", () => server.times("/health") > 3);
      assert.equal(server.times("/v1/models"), 0);
      assert.deepEqual([...fleet.servers[0]!.models.keys()], ["fixed"]);
    },
  );
});

Deno.test("a server that fails to list its models keeps its last ones and stays in rotation", async () => {
  await using server = startServer({ models: ["m"] });
  await polling([{ url: server.url }], async ({ fleet, poller, state }) => {
    await poller.firstRound();
    server.state.modelsStatus = 500;
    const before = server.times("/v1/models");
    await until("asked again", () => server.times("/v1/models") > before + 1);
    assert.equal(state(server.url), "healthy");
    assert.deepEqual([...fleet.servers[0]!.models.keys()], ["m"]);
  });
});

Deno.test("a server that lists no models gets no requests until it lists some", async () => {
  await using server = startServer({ models: ["m"] });
  await polling([{ url: server.url }], async ({ fleet, poller, state }) => {
    await poller.firstRound();
    server.state.models = [3 as unknown as string];
    await until("without models", () => state(server.url) === "no_models");
    assert.deepEqual([...fleet.servers[0]!.models.keys()], []);
    assert.equal(fleet.snapshot().servers[0]!.reason, "/v1/models lists none");
    assert.equal(fleet.acquire(profileOf(), new Map()), "unavailable");
    server.state.models = ["back"];
    await until("back", () => state(server.url) === "healthy");
    assert.equal(typeof fleet.acquire(profileOf(), new Map()), "object");
  });
});

Deno.test("other clients' load is scraped, but not from an unhealthy server", async () => {
  await using server = startServer({
    metrics: () => metricsPage({ running: 2, waiting: 1 }),
  });
  await polling([{ url: server.url }], async ({ fleet, state }) => {
    const [scraped] = fleet.servers;
    await until("scraped", () => fleet.loadOf(scraped!).waiting === 1);
    assert.equal(fleet.loadOf(scraped!).running, 2);

    server.state.health = 503;
    await until("out", () => state(server.url) === "unhealthy");
    const checks = server.times("/health");
    await until("checked on", () => server.times("/health") > checks + 1);
    const scrapes = server.times("/metrics");
    await until("checked further", () => server.times("/health") > checks + 4);
    assert.equal(server.times("/metrics"), scrapes);
  });
});

Deno.test("a request sent during a scrape is not counted as another client's", async () => {
  const page = Promise.withResolvers<Response>();
  await using server = startServer({ metrics: () => page.promise });
  await polling([{ url: server.url }], async ({ fleet, poller }) => {
    await poller.firstRound();
    await until("asked for metrics", () => server.times("/metrics") === 1);
    const lease = fleet.acquire(profileOf({ model: "m" }), new Map());
    assert.ok(typeof lease === "object");
    page.resolve(metricsPage({ running: 1 }));
    await until("scraped", () => fleet.servers[0]?.scrape !== undefined);
    assert.equal(fleet.loadOf(fleet.servers[0]!).running, 1);
    lease.end("ok");
  }, { metrics_interval: 60 });
});

Deno.test("a sleeping server is scraped until it wakes up", async () => {
  await using server = startServer();
  await polling([{ url: server.url }], async ({ state }) => {
    await until("in", () => state(server.url) === "healthy");
    server.state.metrics = () => metricsPage({ awake: false });
    await until("asleep", () => state(server.url) === "sleeping");
    server.state.metrics = metricsPage;
    await until("awake", () => state(server.url) === "healthy");
  });
});

Deno.test("a server with missing or invalid metrics is measured by own requests only", async () => {
  await using server = startServer({
    metrics: () => metricsPage({ running: 3 }),
  });
  await polling([{ url: server.url }], async ({ fleet, state }) => {
    const running = () => fleet.loadOf(fleet.servers[0]!).running;
    await until("scraped", () => running() === 3);
    server.state.metrics = () => new Response("<html>");
    await until("forgotten", () => running() === 0);
    assert.equal(state(server.url), "healthy");
  });
});

Deno.test("added servers are polled, removed servers are not", async () => {
  await using one = startServer();
  await using two = startServer();
  await polling([{ url: one.url }], async ({ fleet, poller, state }) => {
    await until("in", () => state(one.url) === "healthy");
    fleet.reconcile(configOf([{ url: two.url }], QUICK));
    poller.sync();
    await until("the new one is in", () => state(two.url) === "healthy");
    const asked = one.asked.length;
    const checks = two.times("/health");
    await until("polled on", () => two.times("/health") > checks + 4);
    assert.equal(one.asked.length, asked);
  });
});

Deno.test("without active checks a server is checked at its start, and after a failure only when due", async () => {
  await using server = startServer();
  const clock = { now: 1_000_000 };
  await polling(
    [{ url: server.url }],
    async ({ fleet, poller, state: stateAt }) => {
      const state = () => stateAt(server.url);
      await poller.firstRound();
      assert.equal(state(), "healthy");
      assert.equal(server.times("/health"), 1);

      for (const _ of [1, 2]) {
        const lease = fleet.acquire(profileOf({ model: "m" }), new Map());
        assert.ok(typeof lease === "object");
        lease.end("reset");
      }
      assert.equal(state(), "unhealthy");
      clock.now += 59_999;
      await new Promise((resolve) => setTimeout(resolve, 1_300));
      assert.equal(server.times("/health"), 1, "it is left alone");

      clock.now += 1;
      await until("a request may try it", () => state() === "half-open");
      assert.equal(server.times("/health"), 2);
      const lease = fleet.acquire(profileOf({ model: "m" }), new Map());
      assert.ok(typeof lease === "object");
      lease.end("ok");
      assert.equal(state(), "healthy");
    },
    { enable_active_health_check: false, auto_recovery_threshold: 60 },
    { now: () => clock.now },
  );
});

Deno.test("stopping ends the polls of a server that hangs", async () => {
  await using silent = startSilent();
  const started = performance.now();
  await polling([{ url: silent.url }], () => Promise.resolve(), {
    health_check_timeout: 60,
  });
  assert.ok(performance.now() - started < 30_000);
});

Deno.test("why a healthy server doesn't list its models is reported once and shown until it does", async () => {
  let answer = new Response(null, { status: 401 });
  await using server = startUpstream((request) =>
    request.url.endsWith("/v1/models") ? answer.clone() : new Response("")
  );
  const told: string[] = [];
  await polling(
    [{ url: server.url, name: "gpu-1" }],
    async ({ fleet, state }) => {
      const reason = () => fleet.snapshot().servers[0]!.reason;
      const why = "/v1/models answered 401; it needs an api_key";
      await until("shown", () => reason() === why);
      assert.equal(state(server.url), "unauthorized");
      await until("asked again", () => fleet.snapshot().servers[0]!.totalChecks > 3);
      assert.deepEqual(told, [`gpu-1 ${why}`]);
      answer = modelsPage("m");
      await until("listed", () => fleet.servers[0]!.models.has("m"));
      assert.equal(reason(), "check passed");
      assert.equal(state(server.url), "healthy");
    },
    {},
    { onNoModels: (name, why) => void told.push(`${name} ${why}`) },
  );
});

Deno.test("an unexpected error costs one poll, not the polling loop", async () => {
  await using server = startServer();
  let isBroken = true;
  const defect = new Error("a defect");
  const told: unknown[] = [];
  await polling(
    [{ url: server.url }],
    async ({ fleet, poller, state }) => {
      await poller.firstRound();
      await until("told of more than one", () => told.length > 1);
      assert.ok(told.every((error) => error === defect));
      isBroken = false;
      await until("checked", () => state(server.url) === "healthy");
      await until("read", () => fleet.servers[0]!.scrape !== undefined);
    },
    {},
    {
      onError: (error) => void told.push(error),
      mayConnect() {
        if (isBroken) throw defect;
      },
    },
  );
});

Deno.test("a suspect server is checked and its models are read at once, at most once a second", async () => {
  await using server = startServer({ models: ["before"] });
  const clock = { now: 1_000_000 };
  await polling(
    [{ url: server.url }],
    async ({ fleet, poller }) => {
      await poller.firstRound();
      const [doubted] = fleet.servers;
      const checks = () => server.times("/health");
      await until("listed", () => doubted!.models.has("before"));
      server.state.models = ["after"];
      const before = checks();
      poller.look(doubted!);
      await until("read anew", () => doubted!.models.has("after"));
      assert.equal(checks(), before + 1);
      poller.look(doubted!);
      clock.now += 999;
      poller.look(doubted!);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(checks(), before + 1);
      clock.now += 1;
      poller.look(doubted!);
      await until("checked again", () => checks() === before + 2);
    },
    { health_check_interval: 60, metrics_interval: 60 },
    { now: () => clock.now },
  );
});

Deno.test("a removed server is not checked on demand", async () => {
  await using server = startServer();
  await using other = startServer();
  await polling([{ url: server.url }], async ({ fleet, poller }) => {
    await poller.firstRound();
    const [left] = fleet.servers;
    fleet.reconcile(configOf([{ url: other.url }], QUICK));
    poller.sync();
    await until("the other was checked", () => other.times("/health") > 1);
    const asked = server.asked.length;
    poller.look(left!);
    const checks = other.times("/health");
    await until("the other was checked on", () => other.times("/health") > checks + 1);
    assert.equal(server.asked.length, asked);
  });
});

Deno.test("a server whose metrics can't be read is checked at once", async () => {
  const hang = Promise.withResolvers<void>();
  await using server = startServer();
  await polling(
    [{ url: server.url }],
    async ({ poller, state }) => {
      await poller.firstRound();
      await until("scraped", () => server.times("/metrics") > 2);
      assert.equal(server.times("/health"), 1);
      server.state.health = 503;
      server.state.metrics = () => hang.promise.then(() => metricsPage());
      await until("out", () => state(server.url) === "unhealthy");
      hang.resolve();
    },
    {
      health_check_interval: 60,
      health_check_timeout: 1,
      health_check_consecutive_failures: 1,
    },
  );
});

Deno.test("an unhealthy server is checked every 2 s, whatever the intervals are", async () => {
  await using server = startServer({ health: 503 });
  const clock = { now: 1_000_000 };
  await polling(
    [{ url: server.url }],
    async ({ poller, state }) => {
      await poller.firstRound();
      assert.equal(state(server.url), "unhealthy");
      server.state.health = 200;
      clock.now += 1_799;
      await new Promise((resolve) => setTimeout(resolve, 1_300));
      assert.equal(server.times("/health"), 1);
      clock.now += 201;
      await until("back", () => state(server.url) === "healthy");
      assert.equal(server.times("/health"), 2);
    },
    { health_check_interval: 60, metrics_interval: 60 },
    { now: () => clock.now },
  );
});
