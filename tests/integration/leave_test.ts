import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { createAuthority } from "../security/certificates.ts";
import { chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { http1, startRouter } from "../support/router.ts";
import { modelsPage } from "../support/upstream.ts";
import { until } from "../support/until.ts";

/**
 * The promise is 100 ms. A machine that runs tests beside this one may take longer to run the router
 * at all.
 */
const NOTICED_MS = 2_000;

/** A server that computes forever, and says how many requests it is computing. */
function startEndless(streams: boolean) {
  let computing = 0;
  const server = startRaw(async (connection) => {
    computing++;
    if (streams) {
      const token = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n';
      await say(connection, STREAM_HEAD + chunk(token));
    }
    await connection.read(new Uint8Array(1)).catch(() => {});
    computing--;
  });
  return Object.assign(server, { computing: () => computing });
}

/** A request whose head and body together have about this many bytes. */
function requestOf(size: number, stream: boolean, chunked: boolean): string {
  const body = JSON.stringify({ model: "m", stream, prompt: "x".repeat(Math.max(0, size - 250)) });
  const head =
    "POST /v1/completions HTTP/1.1\r\nhost: router\r\ncontent-type: application/json\r\n";
  if (!chunked) return `${head}content-length: ${body.length}\r\n\r\n${body}`;
  const chunks = body.match(/.{1,1000}/g)!.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`);
  return `${head}transfer-encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`;
}

const SIZES = [["300 B", 300], ["2 KB", 2_000], ["100 KB", 100_000], ["5 MB", 5_000_000]] as const;

for (const over of ["plain", "TLS"] as const) {
  Deno.test({
    name: `over ${over}, a client that leaves is noticed whatever it sent and however it leaves`,
    // The runtime's HTTP/1.1 can't do this: see docs/decisions/0026-own-http1.md.
    ignore: http1 === "deno",
    async fn(t) {
      const authority = await createAuthority();
      const { cert, key } = await authority.issue();
      const secured = over === "TLS";
      for (const streams of [false, true]) {
        await using server = startEndless(streams);
        await using router = await startRouter(
          [{ url: server.url, max_concurrent_requests: 100, models: ["m"] }],
          {},
          { "cert.pem": cert, "key.pem": key },
          secured ? { tls: { cert: "cert.pem", key: "key.pem" } } : {},
        );
        const cases = [
          ...SIZES.map(([name, size]) => [name, size, false] as const),
          ["chunked", 20_000, true] as const,
        ];
        for (const [name, size, chunked] of cases) {
          for (const how of ["FIN", "RST"]) {
            await t.step(
              `${name}, ${how}, ${streams ? "a stream" : "a whole answer"}`,
              async () => {
                const raw = net.connect(router.port, "127.0.0.1");
                raw.on("error", () => {});
                const socket = secured
                  ? tls.connect({ socket: raw, ca: authority.ca, servername: "localhost" })
                  : raw;
                socket.on("error", () => {});
                socket.write(requestOf(size, streams, chunked));
                if (streams) await new Promise((resolve) => socket.once("data", resolve));
                await until("the server computes", () => server.computing() === 1);
                if (how === "RST") raw.resetAndDestroy();
                else socket.destroy();
                const ms = await until(
                  "it was noticed",
                  () => server.computing() === 0,
                  NOTICED_MS,
                );
                assert.ok(ms < NOTICED_MS);
                if (Deno.env.get("SHOW_MS")) {
                  console.log(over, name, how, streams, Math.round(ms));
                }
              },
            );
          }
        }
      }
    },
  });
}

for (const streams of [false, true]) {
  Deno.test({
    name: `a client that closes its half still gets ${streams ? "its stream" : "its answer"}`,
    ignore: http1 === "deno",
    async fn() {
      const slow = Promise.withResolvers<void>();
      const event = (text: string, reason: string | null) =>
        `data: {"choices":[{"delta":{"content":"${text}"},"finish_reason":${
          JSON.stringify(reason)
        }}]}\n\n`;
      const server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        async (request) => {
          if (request.method === "GET") {
            return request.url.endsWith("/v1/models") ? modelsPage("m") : new Response();
          }
          await request.bytes();
          if (!streams) {
            await slow.promise;
            return Response.json({ object: "text_completion", choices: [] });
          }
          const encoder = new TextEncoder();
          const body = new ReadableStream({
            async start(controller) {
              controller.enqueue(encoder.encode(event("a", null)));
              await slow.promise;
              controller.enqueue(encoder.encode(`${event("b", "stop")}data: [DONE]\n\n`));
              controller.close();
            },
          });
          return new Response(body, { headers: { "content-type": "text/event-stream" } });
        },
      );
      await using router = await startRouter([{ url: `http://127.0.0.1:${server.addr.port}` }]);
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: router.port });
      await connection.write(new TextEncoder().encode(requestOf(300, streams, false)));
      await connection.closeWrite();
      // Long enough for several probes.
      setTimeout(slow.resolve, 300);
      const answer = await new Response(connection.readable).text();
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
      if (streams) {
        const [, body = ""] = answer.split("\r\n\r\n0");
        assert.match(answer, /"a"[^]*"b"[^]*\[DONE\]/);
        assert.match(answer, /\r\n0+\r\n\r\n$/);
        assert.ok(body !== undefined);
      } else assert.match(answer, /"text_completion"/);
      await server.shutdown();
    },
  });
}
