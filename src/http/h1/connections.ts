import type { Connection } from "./connection.ts";

/** The open connections of a listener, up to a limit. */
export interface Connections {
  readonly size: number;
  add(connection: Connection): void;
  /** Settles when one more fits. Closes the connection that has been idle for longest, if it must. */
  room(): Promise<void> | undefined;
  /** Closes some of the connections, those that have been idle for longest. */
  closeIdle(): void;
  /** Closes connections that have been idle for this long. Returns how many idle ones remain. */
  closeIdleFor(ms: number): number;
  /** Settles when none is left. */
  closeAll(): Promise<unknown>;
}

/** Accepting one connection may take several files. */
const CLOSED_AT_ONCE = 64;

/** @param most the limit */
export function createConnections(most: number): Connections {
  const open = new Set<Connection>();
  let waiting: PromiseWithResolvers<void> | undefined;

  function closeOldestIdle(): void {
    let oldest: Connection | undefined;
    for (const connection of open) {
      if ((connection.idleSince ?? Infinity) < (oldest?.idleSince ?? Infinity)) oldest = connection;
    }
    oldest?.close();
  }

  function closeIdle(): void {
    const idle = [...open].filter(({ idleSince }) => idleSince !== undefined);
    idle.sort((one, other) => one.idleSince! - other.idleSince!);
    for (const connection of idle.slice(0, CLOSED_AT_ONCE)) connection.close();
  }

  return {
    get size() {
      return open.size;
    },
    add(connection) {
      open.add(connection);
      void connection.ended.then(() => {
        open.delete(connection);
        waiting?.resolve();
        waiting = undefined;
      });
    },
    room() {
      if (open.size < most) return undefined;
      waiting ??= Promise.withResolvers();
      const { promise } = waiting;
      closeOldestIdle();
      return promise;
    },
    closeIdle,
    closeIdleFor(ms) {
      const since = performance.now() - ms;
      let later = 0;
      for (const connection of open) {
        if (connection.idleSince === undefined) continue;
        if (connection.idleSince > since) later++;
        else connection.close();
      }
      return later;
    },
    closeAll() {
      const all = [...open];
      for (const connection of all) connection.close();
      return Promise.all(all.map(({ ended }) => ended));
    },
  };
}
