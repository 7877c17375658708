import { Buffer } from "node:buffer";
import { once } from "node:events";
import { isIP } from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { startTimer, stopTimer } from "../../util/timers.ts";
import { type Socket } from "./input.ts";
import { writeAll } from "./output.ts";

/** A connection whose handshake has succeeded. */
export interface Secured {
  readonly socket: Socket;
  /** The client chose HTTP/2. */
  readonly isHttp2: boolean;
}

const PROTOCOLS = ["h2", "http/1.1"];
const HANDSHAKE_MS = 10_000;
const READ_BYTES = 16 * 1024;

/** Checks a certificate chain and its key, in PEM. Throws if they can't be used. */
export function secureContext(certificate: { cert: string; key: string }): tls.SecureContext {
  // A context takes anything; only a listener of the runtime reads the pair before a handshake.
  Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...certificate }).close();
  return tls.createSecureContext(certificate);
}

/**
 * Shakes hands with a client. `node:tls` over a socket of ours: `Deno.listenTls` can't set
 * TCP_NODELAY, and the server of `node:tls` stops accepting when open files run out. Rejects if the
 * handshake fails or takes too long, and resolves to `undefined` if the client leaves before its end,
 * as probes of the port do.
 */
export function secure(raw: Socket, context: tls.SecureContext): Promise<Secured | undefined> {
  const wire = duplexOver(raw);
  const socket = new tls.TLSSocket(wire as never, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: PROTOCOLS,
    allowHalfOpen: true,
  } as tls.TLSSocketOptions);
  const { promise, resolve, reject } = Promise.withResolvers<Secured | undefined>();
  const timer = startTimer(() => fail(new Error("The TLS handshake took too long")), HANDSHAKE_MS);
  function leave(): void {
    stopTimer(timer);
    raw.close();
    resolve(undefined);
  }
  function fail(error: Error): void {
    reject(error);
    leave();
  }
  socket.on("error", fail);
  // The socket itself stays silent when the wire ends before the handshake does.
  for (const ended of ["end", "close"]) wire.once(ended, leave);
  socket.once("secure", () => {
    stopTimer(timer);
    for (const ended of ["end", "close"]) wire.off(ended, leave);
    resolve({ socket: socketOver(socket, raw), isHttp2: socket.alpnProtocol === "h2" });
  });
  return promise;
}

/** What a server's certificate is checked against, and the client's own. */
export interface ServerTrust {
  /** The server's name or address. */
  readonly host: string;
  /** Certificates to trust, in PEM. */
  readonly ca: string | string[] | undefined;
  readonly skipVerify: boolean;
  readonly clientCertificate: { readonly cert: string; readonly key: string } | undefined;
}

/** Shakes hands with a server. Rejects if its certificate is not trusted, or `raw` is closed. */
export function secureToServer(
  raw: Socket,
  { host, ca, skipVerify, clientCertificate }: ServerTrust,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = tls.connect({
    socket: duplexOver(raw) as never,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: !skipVerify,
    ALPNProtocols: ["http/1.1"],
    ...clientCertificate,
  });
  function fail(error: Error): void {
    raw.close();
    reject(error);
  }
  socket.on("error", fail);
  socket.once("close", () => fail(new Error("The TLS handshake broke off")));
  socket.once("secureConnect", () => resolve(socketOver(socket, raw)));
  return promise;
}

/** The encrypted side, as `node:tls` takes it. */
function duplexOver(raw: Socket): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      const bytes = Buffer.allocUnsafeSlow(READ_BYTES);
      raw.read(bytes).then(
        (length) => duplex.push(length === null ? null : bytes.subarray(0, length)),
        (error) => duplex.destroy(error),
      );
    },
    write(bytes: Uint8Array<ArrayBuffer>, _encoding, done) {
      writeAll(raw, { bytes, length: bytes.length }).then(() => done(), done);
    },
    final(done) {
      raw.closeWrite().then(() => done(), () => done());
    },
    destroy(error, done) {
      raw.close();
      done(error);
    },
  });
  return duplex;
}

/** The plain side. */
function socketOver(socket: tls.TLSSocket, raw: Socket): Socket {
  let isOver = false;
  let failure: Error | undefined;
  let waiting: PromiseWithResolvers<void> | undefined;
  let breakWrite: (error: unknown) => void = () => {};
  const closed = Promise.withResolvers<void>();
  const wake = () => {
    waiting?.resolve();
    waiting = undefined;
  };
  socket.on("readable", wake);
  socket.on("end", () => {
    isOver = true;
    wake();
  });
  socket.on("error", (error) => {
    failure ??= error;
    wake();
  });
  socket.on("close", () => {
    if (!isOver) failure ??= new Error("The connection was closed");
    wake();
    // A write that is pending now may not be called back.
    breakWrite(failure);
    closed.resolve();
  });
  return {
    async read(into) {
      for (;;) {
        const length = Math.min(into.length, socket.readableLength);
        const bytes: Uint8Array | null = length > 0 ? socket.read(length) : socket.read(0);
        if (bytes) {
          into.set(bytes);
          return bytes.length;
        }
        if (failure) throw failure;
        if (isOver) return null;
        waiting ??= Promise.withResolvers();
        await waiting.promise;
      }
    },
    write(bytes) {
      return new Promise((resolve, reject) => {
        breakWrite = reject;
        socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
      });
    },
    closeWrite() {
      socket.end();
      return Promise.race([once(socket, "finish").then(() => {}), closed.promise]);
    },
    close() {
      socket.destroy();
      raw.close();
    },
  };
}
