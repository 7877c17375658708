import { hostAndPort } from "../../config/access_schema.ts";
import type { Discovery, DnsLookup } from "../../config/discovery.ts";
import { repeat } from "../../util/interval.ts";
import { oneReason } from "../one_reason.ts";
import { discoveredServer } from "../server.ts";
import type { StartSource } from "../source.ts";
import { createLookup, type Endpoint } from "./look_up.ts";
import { resolverAt } from "./resolve.ts";

/** Looks up a name at intervals: each of its addresses is a server. */
export function startDns(
  from: DnsLookup,
  entry: Pick<Discovery, "scheme" | "defaults">,
): StartSource {
  return ({ onServers, onFailure }) => {
    const stopping = new AbortController();
    const lookUp = createLookup(from, resolverAt(from.resolver));

    async function read(): Promise<void> {
      const { endpoints, problems } = await lookUp(stopping.signal);
      if (stopping.signal.aborted) return;
      if (endpoints.length > 0) onServers(endpoints.flatMap(serverAt));
      const reason = oneReason(problems);
      if (reason !== undefined) onFailure(reason);
    }

    function serverAt({ address, port, host }: Endpoint) {
      // Its certificate is for the name rather than for the address.
      const said = entry.scheme === "https" ? { tlsServerName: host.replace(/\.$/, "") } : {};
      const config = discoveredServer(hostAndPort(address, port), entry, said);
      return config ? [{ config, draining: false }] : [];
    }

    const ended = repeat(read, () => from.everyMs, stopping.signal);
    return {
      async stop() {
        stopping.abort();
        await ended;
      },
    };
  };
}
