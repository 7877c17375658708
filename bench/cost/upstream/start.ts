import {
  denoArguments,
  freePort,
  type Listening,
  startListening,
} from "../../support/processes.ts";
import type { UpstreamOptions } from "./main.ts";

/** Starts the simulated server in another process. */
export function startUpstream(options: Omit<UpstreamOptions, "port"> = {}): Promise<Listening> {
  const port = freePort();
  const text = JSON.stringify({ ...options, port } satisfies UpstreamOptions);
  return startListening(Deno.execPath(), denoArguments("cost/upstream/main.ts", text), port);
}
