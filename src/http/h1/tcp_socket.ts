import type { Socket } from "./input.ts";

/** A TCP connection. Closing it again has no effect, and what it sends leaves at once. */
export function tcpSocket(conn: Deno.TcpConn): Socket {
  conn.setNoDelay(true);
  let isClosed = false;
  return {
    read: (into) => conn.read(into),
    write: (bytes) => conn.write(bytes),
    closeWrite: () => conn.closeWrite(),
    close() {
      if (isClosed) return;
      isClosed = true;
      conn.close();
    },
  };
}
