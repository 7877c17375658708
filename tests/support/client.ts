import type { Client } from "../../src/proxy/client.ts";

/** Returns a client without restrictions, except for the given fields. */
export function clientAs(client: Partial<Client> = {}): Client {
  return {
    address: "192.0.2.1",
    keyName: undefined,
    showsRoutersKey: false,
    isTrusted: false,
    headers: [],
    mayUse: () => true,
    left() {},
    ...client,
  };
}
