/** A minimal HTTP/1.1 keep-alive connection that generates load cheaply. */
export interface Connection {
  /**
   * Sends a request and reads its answer to the end.
   *
   * @param onBody called when the first bytes of the answer's body arrive
   * @returns the number of server-sent events in the answer
   * @throws {Error} when the status is not 200 or the answer breaks off
   */
  exchange(request: Uint8Array, onBody: () => void): Promise<number>;
  close(): void;
}

const READ_BYTES = 16 * 1024;
const NEWLINE = 10;
const latin1 = new TextDecoder("latin1");
/** The last chunk. It is unambiguous: events and documents contain no carriage return. */
const END = new TextEncoder().encode("0\r\n\r\n");

/** @param ca use TLS and trust this authority, in PEM */
export async function connectRaw(port: number, ca?: string): Promise<Deno.Conn> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  tcp.setNoDelay(true);
  return ca ? await Deno.startTls(tcp, { hostname: "localhost", caCerts: [ca] }) : tcp;
}

export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await connection.write(bytes.subarray(sent));
  }
}

/** @param ca use TLS and trust this authority, in PEM */
export async function connect(port: number, ca?: string): Promise<Connection> {
  const tcp = await connectRaw(port, ca);
  const buffer = new Uint8Array(READ_BYTES);

  async function read(): Promise<Uint8Array> {
    const length = await tcp.read(buffer);
    if (length === null) throw new Error("The connection ended within an answer");
    return buffer.subarray(0, length);
  }

  /** Reads the head. Returns its text and the body bytes received with it. */
  async function readHead(): Promise<[string, Uint8Array]> {
    let text = "";
    while (true) {
      const bytes = await read();
      const before = text.length;
      text += latin1.decode(bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        return [text.slice(0, end), bytes.subarray(end + 4 - before)];
      }
    }
  }

  return {
    async exchange(request, onBody) {
      await writeAll(tcp, request);
      const [head, rest] = await readHead();
      if (!head.startsWith("HTTP/1.1 200")) throw new Error(head);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      const isOver = length === undefined ? endsWithLastChunk() : endsAfter(Number(length));
      let body = rest;
      if (body.length === 0) body = await read();
      onBody();
      const count = eventCounter();
      let events = count(body);
      while (!isOver(body)) {
        body = await read();
        events = count(body);
      }
      return events;
    },
    close: () => tcp.close(),
  };
}

function endsAfter(length: number): (bytes: Uint8Array) => boolean {
  let left = length;
  return (bytes) => (left -= bytes.length) <= 0;
}

function endsWithLastChunk(): (bytes: Uint8Array) => boolean {
  let tail = new Uint8Array();
  return (bytes) => {
    tail = bytes.length >= END.length
      ? bytes.slice(-END.length)
      : new Uint8Array([...tail, ...bytes].slice(-END.length));
    return END.every((byte, index) => tail[index] === byte);
  };
}

/** Counts events by the blank lines that end them. */
function eventCounter(): (bytes: Uint8Array) => number {
  let events = 0;
  let last = 0;
  return (bytes) => {
    for (const byte of bytes) {
      if (byte === NEWLINE && last === NEWLINE) events++;
      last = byte;
    }
    return events;
  };
}
