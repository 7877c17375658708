import { getLogger } from "@logtape/logtape";

const log = getLogger("router");

/** Logs a request that broke HTTP's rules or limits, before it had a method and a path. */
export function logRefused(
  { status, sentence }: { readonly status: number; readonly sentence: string },
  address: string,
): void {
  log.info("{status} to {address}: {reason}", { status, address, reason: sentence });
}

/** Logs how many wrong keys clients at an address presented. */
export function logWrongKeys(client: string, count: number): void {
  log.warning("Wrong keys from {client}: {count}", { client, count });
}

/** Warns about environment variables that set a proxy: the router ignores them. */
export function logUnusedProxies(names: readonly string[]): void {
  if (names.length === 0) return;
  log.warning("{names} not used: servers are reached directly, unless `proxy` is configured", {
    names: names.join(", "),
  });
}

/** Warns that systemd can't be told about the router's state. */
export function logSystemdNotTold(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  log.warning("systemd is not told the router's state: {reason}", { reason });
}
