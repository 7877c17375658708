import type { Client } from "../../src/proxy/client.ts";

/** A client that may do anything, but for what a test says of it. */
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
