import type { Server } from "./server.ts";

/** Whether a server finishes its requests and gets no new ones. */
export function isLeaving(server: Readonly<Server>): boolean {
  const { draining, drained, shuttingDown, config } = server;
  return draining || drained || shuttingDown || config.draining === true;
}

/**
 * Whether a leaving server gets requests if no other server can take them: its source says that it
 * still serves, and has not removed it since.
 */
export function isLastToServe({ draining, drained, config }: Readonly<Server>): boolean {
  return config.terminating === true && !draining && !drained;
}

/**
 * Makes the streams of a server that has been leaving for `drain_timeout` continue on others. Called
 * at every change of it, and thereby at every scrape.
 *
 * @param now monotonic time in milliseconds
 */
export function handOver(
  server: Server,
  { drainTimeoutMs }: { readonly drainTimeoutMs: number },
  now: number,
): void {
  server.leavingSince = isLeaving(server) ? server.leavingSince ?? now : undefined;
  if (now - (server.leavingSince ?? Infinity) < drainTimeoutMs) return;
  for (const leave of [...server.handOvers]) leave();
}
