import type { Connection } from "./connection.ts";

/** The open connections of a listener, up to a limit. */
export interface Connections {
  readonly size: number;
  add(connection: Connection): void;
  /** Settles when one more fits. Closes the connection that has been idle for longest, if it must. */
  room(): Promise<void> | undefined;
  /** Closes the connection that has been idle for longest, if any is. */
  closeOldestIdle(): void;
  /** Settles when none is left. */
  closeAll(): Promise<unknown>;
}

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
    closeOldestIdle,
    closeAll() {
      const all = [...open];
      for (const connection of all) connection.close();
      return Promise.all(all.map(({ ended }) => ended));
    },
  };
}
