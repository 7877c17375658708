import { BlockList, isIP } from "node:net";
import { LRUCache } from "lru-cache";

/** What of a configuration's networks is known; a reload brings another list. */
interface Known {
  readonly list: BlockList;
  /** By what was asked for: the same addresses come again and again, and asking costs 3 µs. */
  readonly answers: LRUCache<string, Place>;
}

type Place = "trusted" | "elsewhere" | "no_address";

const known = new WeakMap<readonly string[], Known>();
/** No address is longer. */
const LONGEST = 45;
/** Who writes addresses of their own fills this and no more. */
const MOST_ANSWERS = 10_000;

function placeOf(address: string, networks: readonly string[]): Place {
  if (address.length > LONGEST) return "no_address";
  let lists = known.get(networks);
  if (!lists) {
    lists = { list: listOf(networks), answers: new LRUCache({ max: MOST_ANSWERS }) };
    known.set(networks, lists);
  }
  const { list, answers } = lists;
  const before = answers.get(address);
  if (before) return before;
  const version = isIP(address);
  const family = version === 6 ? "ipv6" : "ipv4";
  const inList = version !== 0 && list.check(address, family);
  const place = version === 0 ? "no_address" : inList ? "trusted" : "elsewhere";
  answers.set(address, place);
  return place;
}

/** Whether an address is one of those, or in one of those networks. */
export function isTrusted(address: string, networks: readonly string[]): boolean {
  return networks.length > 0 && placeOf(address, networks) === "trusted";
}

/**
 * Whose request a trusted proxy passes on: the last address in `x-forwarded-for`, or else in
 * `forwarded` (RFC 7239), that is not a trusted proxy's own. What stands before it, its client may
 * have written itself.
 */
export function clientAddress(
  headers: Headers,
  peer: string,
  networks: readonly string[],
): string {
  for (const address of passedOnBy(headers).reverse()) {
    const place = placeOf(address, networks);
    if (place === "no_address") return peer;
    if (place === "elsewhere") return address;
    peer = address;
  }
  return peer;
}

/** Who asked whom, the client first. Split at each comma: a quote may be a client's own. */
function passedOnBy(headers: Headers): string[] {
  const passed = headers.get("x-forwarded-for");
  if (passed !== null) return passed.split(",").map(addressIn);
  const elements = headers.get("forwarded")?.split(",") ?? [];
  return elements.map((element) => addressIn(/(?:^|;)\s*for=([^;]*)/i.exec(element)?.[1] ?? ""));
}

/** The address in `192.0.2.7:443`, `"[2001:db8::1]:443"` and the like; anything else as it is. */
function addressIn(written: string): string {
  const [, node] = /^\s*"?([^"]*?)"?\s*$/.exec(written) ?? [];
  const [, v6, v4] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(node ?? "") ?? [];
  return (v6 ?? v4 ?? node ?? "").toLowerCase();
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
