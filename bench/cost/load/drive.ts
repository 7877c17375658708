import { denoArguments, startChild, stopChild } from "../../support/processes.ts";
import type { Load, LoadResult } from "./requests.ts";
import type { Received, StreamLoad } from "./streams.ts";

/** Sends requests from another process. @throws {Error} when any request failed */
export async function sendRequests(load: Load): Promise<LoadResult> {
  const args = denoArguments("cost/load/requests.ts", JSON.stringify(load));
  const { success, stdout } = await startChild(Deno.execPath(), args).output();
  if (!success) throw new Error("a request failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Streams that are open in another process. */
export interface Streams extends AsyncDisposable {
  readonly pid: number;
  /**
   * Opens more streams until `total` are open.
   *
   * @returns what all of them received since the previous call
   * @throws {Error} when a stream failed
   */
  open(total: number): Promise<Received>;
}

export function startStreams(load: StreamLoad): Streams {
  const args = denoArguments("cost/load/streams.ts", JSON.stringify(load));
  const child = startChild(Deno.execPath(), args, { stdin: "piped" });
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    pid: child.pid,
    async open(total) {
      await input.write(new TextEncoder().encode(`${total}\n`)).catch(() => {});
      let line = "";
      while (!line.endsWith("\n")) {
        const { value, done } = await output.read();
        if (done) throw new Error("a stream failed");
        line += value;
      }
      return JSON.parse(line);
    },
    async [Symbol.asyncDispose]() {
      await stopChild(child);
      await Promise.all([output.cancel(), input.abort().catch(() => {})]);
    },
  };
}
