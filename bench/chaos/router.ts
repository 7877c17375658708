import { type RouterLog, routerLog } from "./router_log.ts";
import { startChild, stopChild } from "../support/processes.ts";

/** The router in its own process. */
export interface Router extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Its log so far. */
  readonly log: RouterLog;
  /** Stops it. Resolves with its exit code; undefined if it had to be killed. */
  stop(withinMs: number): Promise<number | undefined>;
}

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

export interface RouterOptions {
  /** @default a free one */
  readonly port?: number;
  /** Continued by this router. */
  readonly log?: RouterLog;
  /** A folder that it may write to. */
  readonly writes?: string;
}

/** Starts the router with a configuration file and waits until it listens. */
export async function startRouter(
  config: string,
  { port = 0, log = routerLog(), writes }: RouterOptions = {},
): Promise<Router> {
  const child = startChild(Deno.execPath(), [
    ...["run", "--quiet", "--allow-net", "--allow-read", "--allow-env"],
    ...(writes === undefined ? [] : [`--allow-write=${writes}`]),
    ...[MAIN, "run", "--config", config, "--host", "127.0.0.1", "--port", String(port)],
  ], { stderr: "piped" });
  const listening = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const url = /Listening on (http:\/\/[^,\s]+),/.exec(line)?.[1];
        if (url) listening.resolve(url);
        else log.take(line);
      }
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  reading.then(() => listening.reject(new Error("The router ended before it listened")));
  const url = await listening.promise;
  const ended = reading.then(() => child.status);
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid,
    log,
    async stop(withinMs) {
      child.kill("SIGTERM");
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, withinMs);
      const status = await Promise.race([ended, late.promise]);
      clearTimeout(timer);
      if (status) return status.code;
      await stopChild(child);
    },
    async [Symbol.asyncDispose]() {
      await stopChild(child);
      await ended;
    },
  };
}
