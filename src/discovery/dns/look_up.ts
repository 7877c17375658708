import type { DnsLookup } from "../../config/discovery.ts";
import type { Resolver, SrvTarget } from "./resolve.ts";

/** An address of a server, with the port and the name that led to it. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly host: string;
}

/** What a lookup has found. */
export interface LookedUp {
  /** In a fixed order, whatever the order of the answers. */
  readonly endpoints: readonly Endpoint[];
  /** Why not all of that is what the name server says now, in a fixed order. */
  readonly problems: readonly string[];
}

/** The runtime doesn't tell one from the other. */
const OR_ERROR = ", or an error of the name server";
/** Questions that are asked at the same time. */
const AT_ONCE = 50;

/**
 * Returns a function that looks up all addresses of a name. An empty or failed answer keeps what the
 * same question was answered before.
 */
export function createLookup(
  { name, types, port }: DnsLookup,
  resolver: Resolver,
): (signal: AbortSignal) => Promise<LookedUp> {
  /** The last answer with records, by question. */
  let remembered = new Map<string, readonly unknown[]>();

  return async (signal) => {
    const answered = new Map<string, readonly unknown[]>();
    const problems: string[] = [];

    async function ask<T>(question: string, resolve: () => Promise<readonly T[]>) {
      const before = (remembered.get(question) ?? []) as readonly T[];
      let answer: readonly T[] = [];
      try {
        answer = await resolve();
        if (answer.length === 0 && before.length > 0) {
          problems.push(`no ${question} any more${OR_ERROR}`);
        }
      } catch (error) {
        problems.push(`no ${question}: ${(error as Error).message}`);
      }
      const kept = answer.length > 0 ? answer : before;
      if (kept.length > 0) answered.set(question, kept);
      return kept;
    }

    async function addressesOf({ host, port }: SrvTarget, types: readonly ("A" | "AAAA")[]) {
      const found = await Promise.all(
        types.map((type) =>
          ask(
            `${type} records of ${host.replace(/\.$/, "")}`,
            () => resolver.addresses(host, type, signal),
          )
        ),
      );
      return found.flat().map((address) => ({ address, port, host }));
    }

    async function find(type: "A" | "AAAA" | "SRV"): Promise<readonly Endpoint[]> {
      if (type !== "SRV") return await addressesOf({ host: name, port: port! }, [type]);
      const targets = await ask(`SRV records of ${name}`, () => resolver.srv(name, signal));
      const found: Endpoint[] = [];
      const usable = targets.map((target) => ({ ...target, port: port ?? target.port }))
        .filter(({ port }) => port !== 0);
      if (usable.length < targets.length) {
        problems.push(`SRV records of ${name} have no port: set port`);
      }
      for (let i = 0; i < usable.length; i += AT_ONCE) {
        const some = usable.slice(i, i + AT_ONCE).map((target) =>
          addressesOf(target, ["A", "AAAA"])
        );
        found.push(...(await Promise.all(some)).flat());
      }
      return found;
    }

    const found = (await Promise.all(types.map(find))).flat();
    remembered = answered;
    if (found.length === 0 && problems.length === 0) {
      problems.push(`no ${types.join(" or ")} records of ${name}${OR_ERROR}`);
    }
    return { endpoints: found.sort(inOrder), problems: problems.sort() };
  };
}

/** Compares by the host too: of several with one address, the first one's certificate counts. */
function inOrder(one: Endpoint, other: Endpoint): number {
  return compare(one.address, other.address) || one.port - other.port ||
    compare(one.host, other.host);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
