/** An HTTP forward proxy that accepts absolute-form requests and CONNECT. */
export interface ForwardProxy extends AsyncDisposable {
  /** Host and port, without a scheme. */
  readonly address: string;
  /** The head of the first request of each connection. */
  readonly heads: readonly string[];
}

export function startForwardProxy(): ForwardProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heads: string[] = [];
  const open = new Set<Deno.Conn>();
  const close = (connection: Deno.Conn) => {
    if (open.delete(connection)) connection.close();
  };

  async function pass(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    await from.readable.pipeTo(to.writable).catch(() => {});
    open.delete(from);
    open.delete(to);
  }

  async function serve(client: Deno.Conn): Promise<void> {
    open.add(client);
    const head = await readHead(client);
    if (head === undefined) return close(client);
    heads.push(head);
    const [, method, hostname, port] = /^(\w+) (?:http:\/\/)?([^:/ ]+):(\d+)/.exec(head)!;
    const server = await Deno.connect({ hostname: hostname!, port: Number(port) });
    open.add(server);
    const bytes = new TextEncoder().encode(method === "CONNECT" ? "HTTP/1.1 200 OK\r\n\r\n" : head);
    await (method === "CONNECT" ? client : server).write(bytes);
    await Promise.all([pass(client, server), pass(server, client)]);
  }

  const serving = (async () => {
    const all: Promise<void>[] = [];
    for await (const connection of listener) all.push(serve(connection).catch(() => {}));
    await Promise.all(all);
  })();

  return {
    address: `127.0.0.1:${listener.addr.port}`,
    heads,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) close(connection);
      await serving;
    },
  };
}

/** Returns everything received with the head; the request is small. */
async function readHead(connection: Deno.Conn): Promise<string | undefined> {
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const length = await connection.read(buffer);
    if (length === null) return undefined;
    text += new TextDecoder().decode(buffer.subarray(0, length));
  }
  return text;
}
