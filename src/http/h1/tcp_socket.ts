import type { Socket } from "./input.ts";

let open = 0;

/** Returns the number of open connections in this process, each with a file descriptor of its own. */
export function openSockets(): number {
  return open;
}

/** A TCP connection. Closing it again has no effect, and what it sends leaves at once. */
export function tcpSocket(conn: Deno.TcpConn): Socket {
  try {
    conn.setNoDelay(true);
  } catch (error) {
    // Its peer has gone.
    conn.close();
    throw error;
  }
  let isClosed = false;
  open++;
  return {
    read: (into) => conn.read(into),
    write: (bytes) => conn.write(bytes),
    closeWrite: () => conn.closeWrite(),
    close() {
      if (isClosed) return;
      isClosed = true;
      open--;
      conn.close();
    },
  };
}
