import assert from "node:assert/strict";
import type { Gateway } from "../../src/gateway.ts";
import { tellSystemd } from "../../src/cli/systemd.ts";
import { statusOf } from "../security/guarded.ts";
import { flagsOf, startProcess } from "../security/process.ts";
import type { Running } from "../support/running.ts";
import { until } from "../support/until.ts";
import { deadUrl, modelsPage, startUpstream } from "../support/upstream.ts";

/** systemd's side: a socket that keeps the messages it gets, with the time of each. */
function startSystemd(address = `@vllm-router-test-${crypto.randomUUID()}`) {
  const socket = Deno.listenDatagram({
    transport: "unixpacket",
    path: address.replace("@", "\0"),
  });
  const messages: { readonly text: string; readonly at: number }[] = [];
  const reading = (async () => {
    for await (const [bytes] of socket) {
      messages.push({ text: new TextDecoder().decode(bytes), at: performance.now() });
    }
  })();
  return {
    address,
    texts: () => messages.map(({ text }) => text),
    /** Time since the last ping, in milliseconds. */
    silenceMs: () =>
      performance.now() - (messages.findLast(({ text }) => text === "WATCHDOG=1")?.at ?? 0),
    async [Symbol.asyncDispose]() {
      socket.close();
      await reading;
    },
  };
}

/** A router in front of one server that answers and one that doesn't. */
async function withRouter(
  { env, flags }: { readonly env: Record<string, string>; readonly flags?: readonly string[] },
  use: (router: Running, folder: string) => Promise<void>,
): Promise<void> {
  const cwd = await Deno.makeTempDir();
  await using server = startUpstream((request) =>
    request.url.endsWith("/v1/models") ? modelsPage("m") : new Response("")
  );
  const toml = `[servers]\nservers = [{ url = "${server.url}" }, { url = "${deadUrl()}" }]
[config]\nhealth_check_interval = 0.1\n`;
  try {
    await Deno.writeTextFile(`${cwd}/servers.toml`, toml);
    await using router = await startProcess({ cwd, args: [], env, ...(flags && { flags }) });
    await use(router, cwd);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

/** Fills the queue of an unread socket, which Linux limits by the number of messages and by sender. */
function fill(path: string) {
  const to: Deno.UnixAddr = { transport: "unixpacket", path };
  const senders = Array.from({ length: 10 }, () =>
    Deno.listenDatagram({
      transport: "unixpacket",
      path: `\0vllm-router-test-${crypto.randomUUID()}`,
    }));
  const sent = senders.flatMap((sender) =>
    Array.from({ length: 100 }, () => sender.send(new Uint8Array(1), to).catch(() => 0))
  );
  return {
    async empty() {
      for (const sender of senders) sender.close();
      await Promise.all(sent);
    },
  };
}

const isMain = (text: string) => /^(READY|RELOADING|STOPPING)=1/.test(text);
/** Microseconds of the system since its start; never ahead of what the router reports. */
const uptimeUsec = () => Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1e6;

const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test({
  name: "systemd is told in order: ready, the status, each reload, the stop",
  ...onLinux,
  async fn() {
    await using systemd = startSystemd();
    await withRouter({ env: { NOTIFY_SOCKET: systemd.address } }, async (router) => {
      await until("it is ready", () => systemd.texts().length > 0);
      assert.match(systemd.texts()[0]!, /^READY=1\nSTATUS=[01] of 2 servers healthy$/);
      await until("the status is told", () => systemd.texts().join().includes("=1 of 2 servers"));

      const before = uptimeUsec();
      router.kill("SIGHUP");
      await until("it has reloaded", () => systemd.texts().filter(isMain).length === 3);
      const [, reloading, ready] = systemd.texts().filter(isMain);
      const usec = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading!)?.[1];
      assert.ok(Number(usec) >= before, reloading);
      assert.equal(ready, "READY=1");

      router.kill("SIGTERM");
      assert.equal((await router.status).code, 0, router.output());
      assert.equal(systemd.texts().filter(isMain)[3], "STOPPING=1\nSTATUS=Stopping: 0 in flight");
      assert.ok(!systemd.texts().includes("WATCHDOG=1"));
      assert.doesNotMatch(router.output(), /systemd|NotCapable/);
    });
  },
});

Deno.test({
  name: "a reload that is refused ends for systemd too",
  ...onLinux,
  async fn() {
    await using systemd = startSystemd();
    await withRouter({ env: { NOTIFY_SOCKET: systemd.address } }, async (router, folder) => {
      await Deno.writeTextFile(`${folder}/servers.toml`, "servers = 1");
      router.kill("SIGHUP");
      await until("it is ready again", () => systemd.texts().filter(isMain).length === 3);
      assert.match(systemd.texts().filter(isMain).slice(1).join(), /^RELOADING=1\n\S+,READY=1$/);
      await until("it is logged", () => router.output().includes("was not applied"));
    });
  },
});

Deno.test({
  name: "pings for the watchdog come, and stop when the process is stuck",
  ...onLinux,
  async fn() {
    await using systemd = startSystemd();
    const env = { NOTIFY_SOCKET: systemd.address, WATCHDOG_USEC: "1000000", WATCHDOG_PID: "1" };
    const pings = () => systemd.texts().filter((text) => text === "WATCHDOG=1").length;
    await withRouter({ env }, async (router) => {
      await until("pings come", () => pings() >= 3);
      router.kill("SIGSTOP");
      await until("the watchdog's time is over", () => systemd.silenceMs() > 1_000);
      const before = pings();
      router.kill("SIGCONT");
      await until("pings come again", () => pings() > before);
    });
  },
});

Deno.test({
  name: "systemd's socket may be a file, where the permissions allow it",
  ...onLinux,
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/notify`;
    try {
      await using systemd = startSystemd(path);
      const flags = flagsOf("start").map((flag) => flag.replace("/run/systemd/notify", path));
      await withRouter({ env: { NOTIFY_SOCKET: path }, flags }, async () => {
        await until("it is ready", () => systemd.texts().length > 0);
      });
      await withRouter({ env: { NOTIFY_SOCKET: path } }, async (router) => {
        const why = `systemd is not told the router's state: Requires write access to`;
        await until("it says why not", () => router.output().includes(why));
        assert.equal(await statusOf(fetch(`${router.url}/livez`)), 200);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

for (
  const [what, address, why] of [
    ["no address", "vsock:2:1234", "expected an absolute path or @name, got vsock:2:1234"],
    ["where nobody listens", "@nobody-listens", "Connection refused"],
  ] as const
) {
  Deno.test({
    name: `a socket of systemd that is ${what} is reported once, and the router runs and stops`,
    ...onLinux,
    async fn() {
      await withRouter(
        { env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "1000" } },
        async (router) => {
          await until("it is reported", () => router.output().includes(why));
          router.kill("SIGTERM");
          assert.equal((await router.status).code, 0, router.output());
          assert.equal(router.output().match(/systemd/g)!.length, 1, router.output());
        },
      );
    },
  });
}

Deno.test({
  name: "a systemd that doesn't read doesn't keep the router from stopping",
  ...onLinux,
  async fn() {
    const address = `@vllm-router-test-${crypto.randomUUID()}`;
    const path = address.replace("@", "\0");
    const unread = Deno.listenDatagram({ transport: "unixpacket", path });
    const full = fill(path);
    await withRouter({ env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "1000" } }, async (router) => {
      router.kill("SIGTERM");
      assert.equal((await router.status).code, 0, router.output());
      assert.doesNotMatch(router.output(), /systemd/);
    });
    unread.close();
    await full.empty();
  },
});

Deno.test("without systemd's socket the gateway stays as it is", () => {
  const gateway = {} as Gateway;
  const onError = () => assert.fail();
  assert.equal(
    tellSystemd(gateway, { notifySocket: undefined, watchdogUsec: "1000", onError }),
    gateway,
  );
});
