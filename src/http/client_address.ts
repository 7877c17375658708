import { BlockList, isIP } from "node:net";
import { LRUCache } from "lru-cache";

/** The cached lookup of one list of networks. A reload creates a new list. */
interface Known {
  readonly list: BlockList;
  /** Results by address: the same addresses recur, and a lookup costs 3 µs. */
  readonly answers: LRUCache<string, Place>;
}

type Place = "trusted" | "elsewhere" | "no_address";

const known = new WeakMap<readonly string[], Known>();
/** Length of the longest valid address. */
const LONGEST = 45;
/** Bounds the cache against clients that invent addresses. */
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

/** Whether an address is in one of the networks. */
export function isTrusted(address: string, networks: readonly string[]): boolean {
  return networks.length > 0 && placeOf(address, networks) === "trusted";
}

/**
 * Returns the client's address of a request from a trusted proxy: the last address in
 * `x-forwarded-for`, or else in `forwarded` (RFC 7239), that is not a trusted proxy. The entries
 * before it may be forged by the client.
 */
export function clientAddress(
  headers: Pick<Headers, "get">,
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

/** The chain of addresses, client first. Splits at every comma: a client may forge quotes. */
function passedOnBy(headers: Pick<Headers, "get">): string[] {
  const passed = headers.get("x-forwarded-for");
  if (passed !== null) return passed.split(",").map(addressIn);
  const elements = headers.get("forwarded")?.split(",") ?? [];
  return elements.map((element) => addressIn(/(?:^|;)\s*for=([^;]*)/i.exec(element)?.[1] ?? ""));
}

/** The address in `192.0.2.7:443`, `"[2001:db8::1]:443"` etc.; otherwise the text in lower case. */
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
