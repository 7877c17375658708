import { Agent, type AgentOptions } from "node:https";
import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type ConnectionOptions } from "node:tls";

const tcpOf = new WeakMap<Socket, Socket>();

/** Returns the TCP connection below a TLS connection, if made by {@linkcode agentFor}. */
export function tcpBelow(tls: Socket): Socket | undefined {
  return tcpOf.get(tls);
}

/**
 * Creates an agent for `node:https` whose connections can be paused. Deno's TLS keeps reading while
 * its data is unread, so backpressure requires pausing the TCP connection below it, which TLS must
 * therefore not read directly.
 */
export function agentFor(options: AgentOptions): Agent {
  const agent = new Agent(options);
  return Object.assign(agent, {
    createConnection(to: TcpNetConnectOpts & ConnectionOptions) {
      const tcp = connectTcp(to);
      const tls = connectTls({ ...to, socket: passing(tcp) });
      tcpOf.set(tls, tcp);
      return tls;
    },
  });
}

/** Wraps a TCP connection in a JavaScript stream. */
function passing(tcp: Socket): Duplex {
  const stream = new Duplex({
    read() {},
    write: (bytes, encoding, done) => void tcp.write(bytes, encoding, done),
    final: (done) => void tcp.end(done),
    destroy(error, done) {
      tcp.destroy();
      done(error);
    },
  });
  tcp.on("data", (bytes) => stream.push(bytes));
  tcp.on("end", () => stream.push(null));
  tcp.on("error", (error) => stream.destroy(error));
  tcp.on("close", () => stream.destroy());
  return stream;
}
