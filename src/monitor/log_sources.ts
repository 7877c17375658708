import { getLogger } from "@logtape/logtape";
import type { SourceEvents } from "../discovery/status.ts";

const log = getLogger("router");

/** Writes a line for each event of a source of servers. */
export const sourceLog: SourceEvents = {
  sourceChanged(change) {
    const { source, servers, added, removed, of = "server" } = change;
    log.info(`{source}: {servers} ${servers === 1 ? of : `${of}s`} (+{added}, −{removed})`, {
      source,
      servers,
      added,
      removed,
    });
  },
  sourceFailed(source, reason) {
    log.warning("{source} can't be read, so what it listed stays: {reason}", {
      source,
      reason,
    });
  },
  sourceRecovered(source) {
    log.info("{source} can be read again", { source });
  },
  sourceWarned(source, text) {
    log.warning("{source}: {text}", { source, text });
  },
  serverNamedTwice({ url, kept, ignored }) {
    log.warning("{url} is in {kept} and in {ignored}; what {kept} says of it counts", {
      url,
      kept: kept ?? "the configuration file",
      ignored,
    });
  },
};
