import type { DnsLookup } from "../../config/discovery.ts";

/** Where an SRV record points. */
export interface SrvTarget {
  /** Ends with a dot, so that no search domain is tried. */
  readonly host: string;
  readonly port: number;
}

/** Asks a name server. An answer without records is an empty list. Rejects with the reason. */
export interface Resolver {
  addresses(host: string, type: "A" | "AAAA", signal: AbortSignal): Promise<readonly string[]>;
  srv(name: string, signal: AbortSignal): Promise<readonly SrvTarget[]>;
}

/** Time for one answer. The runtime itself waits for up to 15 s. */
const TIMEOUT_MS = 5_000;

/** Returns the resolver that asks this name server. @default the system's */
export function resolverAt(nameServer: DnsLookup["resolver"]): Resolver {
  /**
   * An answer that a name doesn't exist, one without records, and one that the name server can't
   * give are the same to the runtime: it throws `NotFound`.
   */
  async function ask<T>(
    resolve: (options: Deno.ResolveDnsOptions) => Promise<T[]>,
    stopping: AbortSignal,
  ): Promise<T[]> {
    const abort = new AbortController();
    const stop = () => abort.abort();
    const timer = setTimeout(stop, TIMEOUT_MS);
    stopping.addEventListener("abort", stop);
    try {
      return await resolve({ signal: abort.signal, ...(nameServer && { nameServer }) });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      if (abort.signal.aborted || error instanceof Deno.errors.TimedOut) {
        throw new Error("the name server doesn't answer");
      }
      throw new Error((error as Error).message.replace(/^proto error: /, ""));
    } finally {
      clearTimeout(timer);
      stopping.removeEventListener("abort", stop);
    }
  }
  return {
    addresses: async (host, type, signal) =>
      await ask((options) => Deno.resolveDns(host, type, options), signal),
    async srv(name, signal) {
      const records = await ask((options) => Deno.resolveDns(name, "SRV", options), signal);
      return records.map(({ target, port }) => ({ host: target.replace(/\.?$/, "."), port }))
        // A target of "." says that there is no such service.
        .filter(({ host }) => host !== ".");
    },
  };
}
