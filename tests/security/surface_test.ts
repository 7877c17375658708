import assert from "node:assert/strict";
import { endpoints } from "../../src/vllm/endpoints.ts";
import { deadUrl } from "../support/upstream.ts";
import { until } from "../support/until.ts";
import { bearer, CHAT, startGuarded, startRecorder, statusOf } from "./guarded.ts";
import { connectRaw } from "./raw_client.ts";

Deno.test("WebSocket upgrades are 501 at every path but /v1/realtime", async () => {
  await using server = startRecorder();
  for (const tables of ["", `[auth]\napi_keys = ["good-key"]`]) {
    await using router = await startGuarded({ server: server.url, tables });
    // A GET may ignore an upgrade.
    const posts = endpoints.filter(({ method }) => method === "POST");
    const forwarded = posts.map(({ path }) => path)
      .filter((path) => !path.startsWith("/v1/messages"));
    for (const path of [...forwarded, "/v1/models", "/nowhere", "/livez"]) {
      await using connection = await connectRaw(router.gateway.port);
      await connection.send(
        `GET ${path} HTTP/1.1\r\nHost: router\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n` +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      const answer = await connection.answer();
      assert.equal(answer?.status, 501, path);
      assert.deepEqual(JSON.parse(answer.body), {
        error: {
          message: "WebSocket connections are supported at /v1/realtime only.",
          type: "not_implemented_error",
          param: null,
          code: "not_implemented",
        },
      });
    }
  }
  assert.deepEqual(server.seen, []);
});

Deno.test("no response reveals a server's address: redirects are failures, address headers are dropped", async () => {
  for (const status of [200, 201, 301, 302, 303, 307, 308, 400, 404, 429, 500, 503]) {
    const told: string[] = [];
    await using server = startRecorder(() =>
      Response.json({ ok: true }, {
        status,
        headers: Object.fromEntries(
          ["location", "content-location", "alt-svc", "refresh", "access-control-allow-credentials"]
            .map((name) => [name, told[0]!]),
        ),
      })
    );
    told.push(server.url);
    await using router = await startGuarded({
      server: server.url,
      settings: "max_retries = 0\nfailure_threshold = 100",
    });
    const answer = await router.ask();
    assert.equal(answer.status, status >= 300 && status < 400 ? 502 : status);
    assert.equal(findAddress(server.url, answer, await answer.text()), undefined);
  }
});

Deno.test("the router's own errors don't reveal server addresses", async () => {
  const breaks: Record<string, () => Response> = {
    "after the head": () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.error(new Error("broken")),
        }),
        { headers: { "content-type": "text/event-stream" } },
      ),
    "in the middle": () => {
      let events = 0;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (events++ > 2) return controller.error(new Error("broken"));
            controller.enqueue(new TextEncoder().encode("data: {}\n\n"));
          },
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    },
    "too slow": () =>
      new Response(new ReadableStream({ cancel() {} }), {
        headers: { "content-type": "text/event-stream" },
      }),
  };
  for (const [how, answerOf] of Object.entries(breaks)) {
    await using server = startRecorder(answerOf);
    await using router = await startGuarded({
      server: server.url,
      settings: "request_timeout = 0.3\nmax_retries = 0",
      tables: `[auth]\napi_keys = ["good-key"]`,
    });
    const headers = bearer("good-key");
    for (
      const body of [
        CHAT,
        `{"model":"m","stream":true}`,
        `{"model":"none"}`,
        "[]",
        `{"model":1}`,
        "",
      ]
    ) {
      const answer = await router.ask({ headers, body });
      // The response may be truncated.
      const text = await readAll(answer);
      assert.equal(findAddress(server.url, answer, text), undefined, how);
    }
    for (const path of ["/health", "/v1/models", "/", "/readyz", "/nowhere", "/metrics"]) {
      const answer = await router.get(path);
      assert.equal(findAddress(server.url, answer, await answer.text()), undefined, path);
    }
  }

  const dead = deadUrl();
  await using router = await startGuarded({ server: dead });
  await until("the server is unhealthy", async () => await statusOf(router.get("/readyz")) === 503);
  const answer = await router.ask();
  assert.equal(answer.status, 503);
  assert.equal(findAddress(dead, answer, await answer.text()), undefined);
});

/** Reads a response up to its end or until it breaks. */
async function readAll(answer: Response): Promise<string> {
  let text = "";
  try {
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) text += piece;
  } catch {
    // The response broke.
  }
  return text;
}

/** The line of a response that reveals a server's address, if any. */
function findAddress(url: string, { headers }: Response, text: string): string | undefined {
  const { host, port } = new URL(url);
  return [...headers, ["the body", text]].map(([name, value]) => `${name}: ${value}`)
    .find((line) => line.includes(host) || line.includes(`:${port}`));
}
