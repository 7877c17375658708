import { startChild, stopChild } from "../support/processes.ts";

/** A simulated server in its own process, behind a path that can be cut. */
export interface Server extends AsyncDisposable {
  /** The address for the router. */
  readonly url: string;
  /** Ends it at once, as the kernel does when memory runs out. */
  kill(): Promise<void>;
  /** Starts it again at the same address, with an empty cache. */
  start(): Promise<void>;
  /** Stops its process, which keeps its connections, or lets it go on. */
  freeze(isFrozen: boolean): void;
  /** Drops everything on the way to it, in both directions, without a word. */
  cut(isCut: boolean): void;
}

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** @param seed of its answers; servers with the same seed answer in the same words */
export async function startServer(seed: number): Promise<Server> {
  let child: Deno.ChildProcess | undefined;
  let isCut = false;
  let target = 0;
  const start = async () => {
    child = startChild(Deno.execPath(), [
      ...["run", "--quiet", "--allow-net", "--allow-read", "--allow-env", MAIN],
      ...["simulate", "--port", "0", "--capacity", "256", "--seed", String(seed)],
    ]);
    target = await portOf(child);
  };
  await start();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();

  async function pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (let count = await from.read(buffer); count; count = await from.read(buffer)) {
        // What is lost on the way is never acknowledged; here it is lost for good.
        if (isCut) return await new Promise(() => {});
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } catch {
      // The other direction ends as well.
    }
    for (const end of [from, to]) if (open.delete(end)) end.close();
  }

  const serving = (async () => {
    for await (const client of listener) {
      open.add(client);
      if (isCut) continue;
      try {
        const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
        open.add(server);
        void pass(client, server);
        void pass(server, client);
      } catch {
        if (open.delete(client)) client.close();
      }
    }
  })();

  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    async kill() {
      child!.kill("SIGKILL");
      await stopChild(child!);
    },
    start,
    freeze: (isFrozen) => child!.kill(isFrozen ? "SIGSTOP" : "SIGCONT"),
    cut(cut) {
      isCut = cut;
      // Nobody can tell a path that is back from one that never was: connections begin anew.
      if (!cut) { for (const end of [...open]) if (open.delete(end)) end.close(); }
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const end of open) end.close();
      await serving;
      await stopChild(child!);
    },
  };
}

/** Reads the port from what a simulator says when it listens. */
async function portOf(child: Deno.ChildProcess): Promise<number> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = "";;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("a simulated server ended before it listened");
    text += value;
    const port = /:(\d+)\s/.exec(text)?.[1];
    if (port) return Number(port);
  }
}
