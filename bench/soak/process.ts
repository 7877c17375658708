import { killAtTheEnd } from "../support/processes.ts";
import type { Held } from "./gateway.ts";

/** The router in a process that reports its memory. */
export interface SoakedRouter {
  readonly port: number;
  /** Collects garbage and returns the remaining resources. */
  held(): Promise<Held>;
  /** Shuts it down. Resolves with a problem of its exit, if any. */
  stop(withinMs: number): Promise<string | undefined>;
}

const PROGRAM = new URL("gateway.ts", import.meta.url).pathname;

export async function startSoaked(config: unknown): Promise<SoakedRouter> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--allow-all", "--v8-flags=--expose-gc"],
      ...[PROGRAM, JSON.stringify(config)],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  killAtTheEnd(child);
  const input = child.stdin.getWriter();
  const lines = linesOf(child.stdout);
  const nextLine = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("The router exited unexpectedly");
    return value;
  };
  const port = Number(await nextLine());
  return {
    port,
    async held() {
      await input.write(new TextEncoder().encode("\n"));
      return JSON.parse(await nextLine());
    },
    async stop(withinMs) {
      await input.close();
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, withinMs);
      const status = await Promise.race([child.status, late.promise]);
      clearTimeout(timer);
      await lines.return();
      if (!status) return `the router is still running ${withinMs / 1000} s after its shutdown`;
      return status.success ? undefined : `the router exited with code ${status.code}`;
    },
  };
}

async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
