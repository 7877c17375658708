/** A request that the router moved to another server. */
export interface Moved {
  /** The number of the server that it moved away from. */
  readonly from: number;
  readonly reason: string;
  /** Its stream had begun, and goes on. */
  readonly isContinued: boolean;
}

/** A request according to the router's access line. */
export interface Accounted {
  readonly status: number;
  readonly attempts: number;
  readonly outcome: string;
  readonly server: string | null;
  readonly reason?: string;
}

/** A state that a server entered. */
export interface Entered {
  /** On the clock of `performance.now`. */
  readonly at: number;
  /** The number of the server. */
  readonly server: number;
  readonly to: string;
  readonly reason: string;
}

/** The parsed log of the router. */
export interface RouterLog {
  take(line: string): void;
  /** By request id. */
  readonly moved: ReadonlyMap<string, readonly Moved[]>;
  readonly accounted: ReadonlyMap<string, Accounted>;
  /** All states that servers entered, in order. */
  readonly states: readonly Entered[];
  /** When the peer was found or lost, in order, on the clock of `performance.now`. */
  readonly peers: readonly { readonly at: number; readonly isUp: boolean; readonly what: string }[];
  /** Unexpected errors, and output that is not a log line. */
  readonly errors: readonly string[];
}

/** Errors caused on purpose, by reloading invalid TOML. */
const EXPECTED = /not valid TOML|was not applied/;

export function routerLog(): RouterLog {
  const moved = new Map<string, Moved[]>();
  const accounted = new Map<string, Accounted>();
  const states: Entered[] = [];
  const peers: { at: number; isUp: boolean; what: string }[] = [];
  const errors: string[] = [];
  return {
    moved,
    accounted,
    states,
    peers,
    errors,
    take(line) {
      let record;
      try {
        record = JSON.parse(line);
      } catch {
        if (line.trim() !== "") errors.push(line);
        return;
      }
      const { id, from, to, reason, server, router } = record;
      if (record.level === "error") {
        if (!EXPECTED.test(record.message)) errors.push(record.message);
      } else if (id !== undefined && from !== undefined) {
        const isContinued = record.message.startsWith("The stream of request");
        moved.set(id, [...moved.get(id) ?? [], { from: Number(from), reason, isContinued }]);
      } else if (id !== undefined && record.attempts !== undefined) {
        accounted.set(id, record);
      } else if (router !== undefined) {
        const isUp = record.message.includes("is a peer");
        peers.push({ at: performance.now(), isUp, what: record.message });
      } else if (server !== undefined && from !== undefined) {
        states.push({ at: performance.now(), server: Number(server), to, reason });
      }
    },
  };
}

/** Joins what several routers logged of requests, each of which one of them served. */
export function joinedLogs(logs: readonly RouterLog[]): Pick<RouterLog, "moved" | "accounted"> {
  return {
    moved: new Map(logs.flatMap(({ moved }) => [...moved])),
    accounted: new Map(logs.flatMap(({ accounted }) => [...accounted])),
  };
}
