import { isIPv4 } from "node:net";

/** Records of a name: addresses, or for SRV `port host`; the rest are of the host after `cname`. */
export type Records = Readonly<Record<string, readonly string[]>>;

/** How a name server answers: with these records by `type name`, or not as it should. */
export type Answers = Records | "servfail" | "nxdomain" | "refused" | "silent" | "truncated";

/** A name server on loopback, over UDP and TCP. */
export interface DnsServer extends AsyncDisposable {
  readonly port: number;
  /** As `resolver` in the configuration. */
  readonly address: string;
  /** How it answers from now on. */
  answers: Answers;
  /** How many questions it has got. */
  questions: number;
}

const TYPES: Readonly<Record<number, string>> = { 1: "A", 28: "AAAA", 33: "SRV" };
const RCODES: Readonly<Record<string, number>> = { servfail: 2, nxdomain: 3, refused: 5 };
/** Largest answer over UDP. */
const UDP_BYTES = 512;

/** Starts a name server. With `truncated`, an answer is cut over UDP, and there is none over TCP. */
export function startDnsServer(answers: Answers = {}): DnsServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  const server = { port, address: `127.0.0.1:${port}`, answers, questions: 0 };
  const connections = new Set<Deno.Conn>();

  async function serveUdp(): Promise<void> {
    for await (const [question, from] of udp) {
      const answer = answerTo(question, true);
      if (answer) await udp.send(answer, from).catch(() => {});
    }
  }

  async function serveTcp(): Promise<void> {
    for await (const connection of listener) {
      if (server.answers === "truncated") {
        connection.close();
        continue;
      }
      connections.add(connection);
      serveConnection(connection).catch(() => {}).finally(() => {
        if (connections.delete(connection)) connection.close();
      });
    }
  }

  async function serveConnection(connection: Deno.Conn): Promise<void> {
    for (;;) {
      const length = await readExactly(connection, 2);
      if (!length) return;
      const question = await readExactly(connection, length[0]! << 8 | length[1]!);
      const answer = question && answerTo(question, false);
      if (!answer) return;
      const whole = Uint8Array.of(answer.length >> 8, answer.length & 255, ...answer);
      for (let sent = 0; sent < whole.length;) {
        sent += await connection.write(whole.subarray(sent));
      }
    }
  }

  function answerTo(message: Uint8Array, isUdp: boolean): Uint8Array | undefined {
    server.questions++;
    const { answers } = server;
    if (answers === "silent") return undefined;
    const labels: string[] = [];
    let at = 12;
    for (; message[at] !== 0; at += message[at]! + 1) {
      labels.push(new TextDecoder().decode(message.subarray(at + 1, at + 1 + message[at]!)));
    }
    const type = message[at + 1]! << 8 | message[at + 2]!;
    const question = message.subarray(12, at + 5);
    const records = typeof answers === "string"
      ? []
      : answers[`${TYPES[type]} ${labels.join(".")}`] ?? [];
    let owner = QUESTION;
    const bodies = records.flatMap((record) => {
      const [, target] = /^cname (.*)$/.exec(record) ?? [];
      if (target === undefined) return recordOf(owner, type, dataOf(type, record));
      const alias = recordOf(owner, 5, nameOf(target));
      owner = nameOf(target);
      return alias;
    });
    const isCut = isUdp && (answers === "truncated" || bodies.length > UDP_BYTES);
    const rcode = typeof answers === "string" ? RCODES[answers] ?? 0 : 0;
    return Uint8Array.from([
      ...message.subarray(0, 2),
      ...[isCut ? 0x86 : 0x84, 0x80 | rcode],
      ...[0, 1, ...(isCut ? [0, 0] : [records.length >> 8, records.length & 255]), 0, 0, 0, 0],
      ...question,
      ...(isCut ? [] : bodies),
    ]);
  }

  const served = Promise.all([serveUdp(), serveTcp()].map((end) => end.catch(() => {})));
  return Object.assign(server, {
    async [Symbol.asyncDispose]() {
      udp.close();
      listener.close();
      for (const connection of connections) connection.close();
      connections.clear();
      await served;
    },
  });
}

/** Points to the question's name. */
const QUESTION = [0xc0, 12];

function recordOf(owner: readonly number[], type: number, data: readonly number[]): number[] {
  return [...owner, 0, type, 0, 1, 0, 0, 0, 5, data.length >> 8, data.length & 255, ...data];
}

function dataOf(type: number, record: string): number[] {
  if (type !== 33) return isIPv4(record) ? record.split(".").map(Number) : ipv6(record);
  const [port, host] = record.split(" ");
  return [0, 1, 0, 1, Number(port) >> 8, Number(port) & 255, ...nameOf(host!)];
}

function nameOf(host: string): number[] {
  const labels = host.split(".").filter((label) => label !== "");
  return [...labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]), 0];
}

function ipv6(address: string): number[] {
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const zeros = new Array(8 - groups(head).length - groups(tail).length).fill(0);
  return [...groups(head), ...zeros, ...groups(tail)].flatMap((group) => [group >> 8, group & 255]);
}

async function readExactly(connection: Deno.Conn, length: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const count = await connection.read(bytes.subarray(read));
    if (count === null) return undefined;
    read += count;
  }
  return bytes;
}
