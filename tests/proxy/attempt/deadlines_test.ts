import assert from "node:assert/strict";
import { type Deadlines, limitsOf, watchDeadlines } from "../../../src/proxy/attempt/deadlines.ts";
import { monotonicMs } from "../../../src/util/clock.ts";
import type { EngineState } from "../../../src/fleet/lease.ts";
import type { Limits } from "../../../src/proxy/attempt/deadlines.ts";
import { until } from "../../support/until.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const LONG = 60_000;
/** The state of an engine without readable counters. */
const NOTHING_KNOWN: EngineState = { movedAt: -Infinity, noProgressSince: Infinity };

/** Deadlines with all calls recorded; limits not given are never reached. */
async function watching(
  limits: Partial<Limits>,
  use: (watched: {
    deadlines: Deadlines;
    /** Removes the server from rotation. */
    evict: () => void;
    /** Makes a stopping router stop waiting. */
    cutOff: () => void;
    /** Callbacks still registered for the two. */
    left: () => [evictions: number, cutOffs: number];
    /** How often the attempt was aborted. */
    expiries: () => number;
    /** The time limits of the connect probes. */
    reaches: number[];
  }) => Promise<void>,
  isReachable: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<void> {
  const evictions = new Set<() => void>();
  const cutOffs = new Set<() => void>();
  const reaches: number[] = [];
  let told = 0;
  const deadlines = watchDeadlines(
    {
      connectMs: LONG,
      firstByteMs: LONG,
      chunkMs: LONG,
      clientMs: LONG,
      dueAt: Infinity,
      stallTimeoutMs: LONG,
      engine: () => NOTHING_KNOWN,
      evictions,
      cutOffs,
      ...limits,
    },
    (withinMs) => {
      reaches.push(withinMs);
      return isReachable();
    },
    () => told++,
  );
  try {
    await use({
      deadlines,
      evict: () => [...evictions].forEach((leave) => leave()),
      cutOff: () => [...cutOffs].forEach((cut) => cut()),
      left: () => [evictions.size, cutOffs.size],
      expiries: () => told,
      reaches,
    });
  } finally {
    deadlines.stop();
    assert.deepEqual([evictions.size, cutOffs.size], [0, 0], "nothing is left behind");
  }
}

/** A time within which a limit must have expired, however slow the machine. */
const SOON_MS = 30_000;

Deno.test("the limits of an attempt are those of the settings", () => {
  const lease = { engine: () => NOTHING_KNOWN, evictions: new Set<() => void>() };
  const request = { startedAt: 7, cutOffs: new Set<() => void>() };
  const settings = {
    connectTimeoutMs: 1,
    requestTimeoutMs: 2,
    chunkTimeoutMs: 3,
    clientTimeoutMs: 4,
    stallTimeoutMs: 5,
  };
  const limits = {
    connectMs: 1,
    firstByteMs: 2,
    chunkMs: 3,
    clientMs: 4,
    stallTimeoutMs: 5,
    ...lease,
    cutOffs: request.cutOffs,
  };
  assert.deepEqual(limitsOf(settings, lease, request), { ...limits, dueAt: Infinity });
  assert.deepEqual(
    limitsOf({ ...settings, totalTimeoutMs: 50 }, lease, request),
    { ...limits, dueAt: 57 },
  );
});

Deno.test("silence is reported once, after its limit", () =>
  watching({ firstByteMs: 40 }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 39, `${after} ms`);
    assert.equal(deadlines.expired, "silent");
    await wait(100);
    assert.equal(expiries(), 1);
  }));

Deno.test("arriving bytes postpone silence for as long as they arrive", () =>
  watching({ firstByteMs: 150 }, async ({ deadlines, expiries }) => {
    let longest = 0;
    for (let i = 0; i < 15; i++) {
      const since = performance.now();
      deadlines.listen();
      await wait(20);
      deadlines.heard(true);
      longest = Math.max(longest, performance.now() - since);
    }
    // If the machine was paused for long, the silence was real.
    assert.ok(expiries() === 0 || longest >= 149, `expired after ${longest} ms at most`);
    if (expiries() > 0) return;
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 149, `${after} ms`);
  }));

Deno.test("while no read is pending, no silence is reported", () =>
  watching({ firstByteMs: 30 }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    deadlines.heard(true);
    await wait(150);
    assert.equal(expiries(), 0);
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 29, `${after} ms`);
  }));

Deno.test("after stop nothing is reported, whatever happens", () =>
  watching(
    { firstByteMs: 20, connectMs: 20, dueAt: performance.now() + 20 },
    async ({ deadlines, expiries, evict, cutOff, left, reaches }) => {
      deadlines.listen();
      deadlines.stop();
      deadlines.listen();
      // A whole answer may begin after its end.
      deadlines.begun();
      assert.deepEqual(left(), [0, 0]);
      evict();
      cutOff();
      await wait(80);
      assert.equal(expiries(), 0);
      assert.equal(deadlines.expired, undefined);
      assert.deepEqual(reaches, []);
    },
    () => Promise.resolve(false),
  ));

Deno.test("between chunks another limit applies than before the first, if shorter", () =>
  watching({ firstByteMs: LONG, chunkMs: 50 }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    deadlines.heard(true);
    deadlines.begun();
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 48, `${after} ms`);
    assert.equal(deadlines.expired, "silent");
  }));

Deno.test("between chunks another limit applies than before the first, if longer", () =>
  watching({ firstByteMs: 30, chunkMs: 200 }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    deadlines.begun();
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 198, `${after} ms`);
  }));

Deno.test("the limit between chunks counts from the start of a read", () =>
  watching({ chunkMs: 40 }, async ({ deadlines, expiries }) => {
    deadlines.begun();
    await wait(120);
    assert.equal(expiries(), 0);
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 38, `${after} ms`);
  }));

for (const begun of [false, true]) {
  Deno.test(`a request is overdue at its total timeout ${begun ? "in mid-answer" : "before its answer"}, with or without progress`, async () => {
    const dueAt = performance.now() + 80;
    await watching({ dueAt }, async ({ deadlines, expiries }) => {
      if (begun) deadlines.begun();
      while (expiries() === 0 && performance.now() < dueAt + SOON_MS) {
        deadlines.listen();
        await wait(5);
        deadlines.heard(true);
      }
      assert.equal(deadlines.expired, "overdue");
      assert.ok(performance.now() >= dueAt - 1);
      assert.equal(expiries(), 1);
    });
  });
}

Deno.test("a request whose total timeout passed before it began is overdue at once", () =>
  watching({ dueAt: performance.now() - 1 }, async ({ deadlines, expiries }) => {
    await until("told", () => expiries() > 0, SOON_MS);
    assert.equal(deadlines.expired, "overdue");
  }));

Deno.test("if nothing arrives for a share of the connect limit, the server is probed for as long", () =>
  watching({ connectMs: 60 }, async ({ deadlines, expiries, reaches }) => {
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 23, `${after} ms`);
    assert.deepEqual(reaches, [24]);
    assert.equal(deadlines.expired, "unreachable");
  }, () => Promise.resolve(false)));

Deno.test("a reachable server is waited for", () =>
  watching({ connectMs: 20 }, async ({ deadlines, reaches }) => {
    deadlines.listen();
    await until("tried", () => reaches.length > 0, SOON_MS);
    await wait(60);
    assert.equal(deadlines.expired, undefined);
    assert.equal(reaches.length, 1);
  }));

Deno.test("a server that has answered is not probed", () =>
  watching({ connectMs: 20 }, async ({ deadlines, reaches }) => {
    deadlines.connected();
    await wait(60);
    assert.deepEqual(reaches, []);
  }, () => Promise.resolve(false)));

Deno.test("a head that arrives during the probe proves the connection", async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  await watching({ connectMs: 20 }, async ({ deadlines, reaches }) => {
    await until("tried", () => reaches.length > 0, SOON_MS);
    deadlines.connected();
    resolve(false);
    await wait(20);
    assert.equal(deadlines.expired, undefined);
  }, () => promise);
});

Deno.test("a client that stops reading ends the attempt after its limit", () =>
  watching({ clientMs: 60 }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    deadlines.heard(true);
    deadlines.begun();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 59, `${after} ms`);
    assert.equal(deadlines.expired, "unread");
    await wait(100);
    assert.equal(expiries(), 1);
  }));

Deno.test("a client that stops reading has its own limit, however short the server's is", () =>
  watching({ firstByteMs: 10, chunkMs: 10, clientMs: 150 }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    deadlines.heard(true);
    deadlines.begun();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 149, `${after} ms`);
    assert.equal(deadlines.expired, "unread");
  }));

Deno.test("a client that reads a little now and then is waited for", () =>
  watching({ clientMs: 150 }, async ({ deadlines, expiries }) => {
    let longest = 0;
    for (let i = 0; i < 15; i++) {
      const since = performance.now();
      deadlines.listen();
      deadlines.heard(true);
      await wait(20);
      longest = Math.max(longest, performance.now() - since);
    }
    // If the machine was paused for long, the client did stop reading.
    assert.ok(expiries() === 0 || longest >= 149, `expired after ${longest} ms at most`);
  }));

Deno.test("while a read is pending, the client's limit does not count", () =>
  watching({ clientMs: 20 }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    await wait(150);
    assert.equal(expiries(), 0);
    deadlines.heard(true);
    await until("told", () => expiries() > 0, SOON_MS);
    assert.equal(deadlines.expired, "unread");
  }));

Deno.test("a server that leaves rotation ends attempts that have not begun, and no others", async () => {
  await watching({}, ({ deadlines, evict, expiries }) => {
    evict();
    assert.equal(deadlines.expired, "evicted");
    assert.equal(expiries(), 1);
    return Promise.resolve();
  });
  await watching({}, ({ deadlines, evict, expiries, left }) => {
    deadlines.begun();
    assert.deepEqual(left(), [0, 1]);
    evict();
    assert.equal(deadlines.expired, undefined);
    assert.equal(expiries(), 0);
    return Promise.resolve();
  });
});

Deno.test("a router that stops waiting ends attempts that have begun as well", async () => {
  for (const begun of [false, true]) {
    await watching({}, ({ deadlines, cutOff, evict, expiries }) => {
      if (begun) deadlines.begun();
      cutOff();
      evict();
      assert.equal(deadlines.expired, "cut_off");
      assert.equal(expiries(), 1);
      return Promise.resolve();
    });
  }
});

/** The state of an engine that always makes progress. */
const atWork = (): EngineState => ({ movedAt: monotonicMs(), noProgressSince: Infinity });

Deno.test("while the engine makes progress, a first token is waited for up to ten times as long", () =>
  watching({ firstByteMs: 40, engine: atWork }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.equal(deadlines.expired, "silent");
    assert.ok(after >= 399, `${after} ms`);
  }));

Deno.test("silence before the first token counts from the engine's last progress", async () => {
  const startedAt = monotonicMs();
  const engine = () => ({
    movedAt: Math.min(monotonicMs(), startedAt + 150),
    noProgressSince: startedAt + 150,
  });
  await watching({ firstByteMs: 500, engine }, async ({ deadlines, expiries }) => {
    deadlines.listen();
    await until("told", () => expiries() > 0, SOON_MS);
    const after = monotonicMs() - startedAt;
    // The longest wait for a working engine is 5 s.
    assert.ok(after >= 649 && after < 4_900, `${after} ms`);
  });
});

Deno.test("engine progress before the last bytes arrived postpones nothing", async () => {
  const movedAt = monotonicMs();
  const engine = () => ({ movedAt, noProgressSince: movedAt });
  await watching({ firstByteMs: 60, engine }, async ({ deadlines, expiries }) => {
    await wait(100);
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 58, `${after} ms`);
  });
});

Deno.test("once an answer has begun, engine progress postpones nothing", () =>
  watching({ chunkMs: 500, engine: atWork }, async ({ deadlines, expiries }) => {
    deadlines.begun();
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    // Before the first token the wait would be 5 s.
    assert.ok(after >= 498 && after < 4_900, `${after} ms`);
    assert.equal(deadlines.expired, "silent");
  }));

Deno.test("a stalled engine ends an answer that has begun, long before the limit between chunks", () => {
  const engine = () => ({ movedAt: -Infinity, noProgressSince: monotonicMs() - LONG });
  return watching({ stallTimeoutMs: 60, engine }, async ({ deadlines, expiries }) => {
    deadlines.begun();
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.equal(deadlines.expired, "stopped");
    assert.ok(after >= 58, `${after} ms`);
  });
});

Deno.test("a stall counts from the later of its beginning and the last bytes that arrived", async () => {
  const startedAt = monotonicMs();
  const engine = () => ({ movedAt: -Infinity, noProgressSince: startedAt + 150 });
  await watching({ stallTimeoutMs: 60, engine }, async ({ deadlines, expiries }) => {
    deadlines.begun();
    deadlines.listen();
    await until("told", () => expiries() > 0, SOON_MS);
    const after = monotonicMs() - startedAt;
    assert.ok(after >= 209, `${after} ms`);

    assert.equal(deadlines.expired, "stopped");
  });
});

Deno.test("an answer that still arrives from a stalled engine is not aborted", () => {
  const engine = () => ({ movedAt: -Infinity, noProgressSince: monotonicMs() - LONG });
  return watching({ stallTimeoutMs: 150, engine }, async ({ deadlines, expiries }) => {
    deadlines.begun();
    let longest = 0;
    for (let i = 0; i < 15; i++) {
      const since = performance.now();
      deadlines.listen();
      await wait(20);
      deadlines.heard(true);
      longest = Math.max(longest, performance.now() - since);
    }
    assert.ok(expiries() === 0 || longest >= 149, `expired after ${longest} ms at most`);
  });
});

Deno.test("a stall is detected in time by a read that begins late", () => {
  const engine = () => ({ movedAt: -Infinity, noProgressSince: monotonicMs() - LONG });
  return watching({ stallTimeoutMs: 50, engine }, async ({ deadlines, expiries }) => {
    deadlines.begun();
    await wait(120);
    assert.equal(expiries(), 0);
    deadlines.listen();
    const after = await until("told", () => expiries() > 0, SOON_MS);
    assert.ok(after >= 48, `${after} ms`);

    assert.equal(deadlines.expired, "stopped");
  });
});

for (const begun of [false, true]) {
  Deno.test(`comments are no progress ${begun ? "in mid-answer" : "before the first token"}: silence counts from the last real progress`, () =>
    watching({ firstByteMs: 150, chunkMs: 150 }, async ({ deadlines, expiries }) => {
      deadlines.listen();
      deadlines.heard(true);
      if (begun) deadlines.begun();
      const started = performance.now();
      while (expiries() === 0 && performance.now() - started < SOON_MS) {
        deadlines.listen();
        await wait(10);
        deadlines.heard(false);
      }
      const after = performance.now() - started;
      assert.equal(deadlines.expired, "silent");
      assert.ok(after >= 149, `${after} ms`);
    }));
}

Deno.test("an event after a comment is progress again", () =>
  watching({ chunkMs: 150 }, async ({ deadlines, expiries }) => {
    deadlines.begun();
    let longest = 0;
    for (let i = 0; i < 15; i++) {
      const since = performance.now();
      deadlines.listen();
      await wait(10);
      deadlines.heard(false);
      deadlines.listen();
      await wait(10);
      deadlines.heard(true);
      longest = Math.max(longest, performance.now() - since);
    }
    assert.ok(expiries() === 0 || longest >= 149, `expired after ${longest} ms at most`);
  }));
