import { getLogger } from "@logtape/logtape";

const log = getLogger("router");

/** So many wrong keys were shown by clients at this address. */
export function logWrongKeys(client: string, count: number): void {
  log.warning("Wrong keys from {client}: {count}", { client, count });
}

/** The environment names proxies by these variables, and the router uses none of them. */
export function logUnusedProxies(names: readonly string[]): void {
  if (names.length === 0) return;
  log.warning("{names} not used: servers are reached directly, but where `proxy` is configured", {
    names: names.join(", "),
  });
}
