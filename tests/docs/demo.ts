import assert from "node:assert/strict";
import { ROOT } from "./pages.ts";
import { tasks } from "./programs.ts";

export interface Demo extends AsyncDisposable {
  readonly port: number;
  /** Everything that it has written to stdout. */
  readonly printed: () => string;
}

/** Starts the demo like its task, on a free port, and waits for its welcome message. */
export async function startDemo(): Promise<Demo> {
  const [, args = ""] = /\bdeno (.*)$/.exec(tasks.demo!)!;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args.split(" "), "--port", "0"],
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  const { promise: welcomed, resolve } = Promise.withResolvers<void>();
  let printed = "";
  const drained = (async () => {
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      printed += part;
      if (printed.includes("Stop with Ctrl-C")) resolve();
    }
    resolve();
  })();
  await welcomed;
  const port = Number(/router in front of them: http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]);
  return {
    port,
    printed: () => printed,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const { code } = await child.status;
      await drained;
      assert.equal(code, 0, printed);
    },
  };
}
