import { BlockList, isIP } from "node:net";

/** Lists made of configurations; a reload brings another list. */
const lists = new WeakMap<readonly string[], BlockList>();

/** Whether an address is one of those, or in one of those networks. */
export function isTrusted(address: string, networks: readonly string[]): boolean {
  const version = isIP(address);
  if (networks.length === 0 || version === 0) return false;
  let list = lists.get(networks);
  if (!list) lists.set(networks, list = listOf(networks));
  return list.check(address, version === 6 ? "ipv6" : "ipv4");
}

/**
 * Whose request a trusted proxy passes on: the last address in `x-forwarded-for` that is not a
 * trusted proxy's own. What stands before it, its client may have written itself.
 */
export function clientAddress(
  headers: Headers,
  peer: string,
  networks: readonly string[],
): string {
  const passed = headers.get("x-forwarded-for")?.split(",").map((address) => address.trim()) ?? [];
  for (const address of passed.reverse()) {
    if (isIP(address) === 0) return peer;
    if (!isTrusted(address, networks)) return address;
    peer = address;
  }
  return peer;
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const version = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, version);
    else list.addSubnet(address, Number(bits), version);
  }
  return list;
}
