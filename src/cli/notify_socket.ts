import { pause } from "../util/interval.ts";

/** The socket on which systemd listens, as sd_notify(3) describes it. */
export interface NotifySocket {
  /** Sends a message after those before it. */
  send(message: string): void;
  /** Number of messages that systemd has not taken yet. */
  waiting(): number;
  /** Closes the socket, after at most a second for what waits. */
  close(): Promise<void>;
}

const CLOSE_MS = 1_000;

/**
 * Opens a socket that sends to systemd. Throws if that is not possible.
 *
 * @param address `$NOTIFY_SOCKET`: a path or, with a leading `@`, an abstract name
 * @param onError called with the first error of sending; later messages are still tried
 */
export function openNotifySocket(
  address: string,
  onError: (error: unknown) => void,
): NotifySocket {
  if (!/^[/@]./.test(address)) {
    throw new Error(`NOTIFY_SOCKET: expected an absolute path or @name, got ${address}`);
  }
  const to: Deno.UnixAddr = { transport: "unixpacket", path: address.replace(/^@/, "\0") };
  // Deno sends only from a socket that has an address. An abstract one leaves no file behind.
  const own = `\0vllm-router-${crypto.randomUUID()}`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: own });
  const encoder = new TextEncoder();
  let mayReport = true;
  let waiting = 0;
  let sent = Promise.resolve();

  async function sendNext(message: string): Promise<void> {
    try {
      await socket.send(encoder.encode(message), to);
    } catch (error) {
      if (mayReport) onError(error);
      mayReport = false;
    }
    waiting--;
  }

  return {
    send(message) {
      waiting++;
      sent = sent.then(() => sendNext(message));
    },
    waiting: () => waiting,
    async close() {
      const done = new AbortController();
      await Promise.race([sent, pause(CLOSE_MS, done.signal)]);
      done.abort();
      mayReport = false;
      socket.close();
    },
  };
}
