/** A request that the router moved on. */
export interface Moved {
  /** Number of the server that it gave up. */
  readonly from: number;
  readonly reason: string;
}

/** What the router's access line says of a request. */
export interface Accounted {
  readonly status: number;
  readonly attempts: number;
  readonly outcome: string;
  readonly server: string | null;
  readonly reason?: string;
}

/** A server entered a state. */
export interface Entered {
  /** As `performance.now` tells it. */
  readonly at: number;
  /** Number of the server. */
  readonly server: number;
  readonly to: string;
  readonly reason: string;
}

/** What the router tells in its log. */
export interface RouterLog {
  take(line: string): void;
  /** By the request's id. */
  readonly moved: ReadonlyMap<string, readonly Moved[]>;
  readonly accounted: ReadonlyMap<string, Accounted>;
  /** Every state that a server entered, in order. */
  readonly states: readonly Entered[];
  /** What the router did not expect, and what was no log line at all. */
  readonly errors: readonly string[];
}

/** The reload of a file that is no TOML is an error by intention. */
const EXPECTED = /not valid TOML|was not taken/;

export function routerLog(): RouterLog {
  const moved = new Map<string, Moved[]>();
  const accounted = new Map<string, Accounted>();
  const states: Entered[] = [];
  const errors: string[] = [];
  return {
    moved,
    accounted,
    states,
    errors,
    take(line) {
      let record;
      try {
        record = JSON.parse(line);
      } catch {
        if (line.trim() !== "") errors.push(line);
        return;
      }
      const { id, from, to, reason, server } = record;
      if (record.level === "error") {
        if (!EXPECTED.test(record.message)) errors.push(record.message);
      } else if (id !== undefined && from !== undefined) {
        moved.set(id, [...moved.get(id) ?? [], { from: Number(from), reason }]);
      } else if (id !== undefined && record.attempts !== undefined) {
        accounted.set(id, record);
      } else if (server !== undefined && from !== undefined) {
        states.push({ at: performance.now(), server: Number(server), to, reason });
      }
    },
  };
}
