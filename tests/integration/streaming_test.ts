import assert from "node:assert/strict";
import { ask, eventsOf, startFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { startUpstream } from "../support/upstream.ts";

const WHOLE =
  'data: {"choices":[{"index":0,"text":"a","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

/** Arrival times of a body's chunks, in milliseconds since the first. */
async function arrivals(response: Response): Promise<number[]> {
  const times: number[] = [];
  for await (const _ of response.body!) times.push(performance.now());
  return times.map((time) => time - times[0]!);
}

Deno.test("each chunk reaches the client as it arrives, without merging", async () => {
  const tokens = 12;
  const interTokenMs = 150;
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs }],
  });
  await using merging = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const url = fleet.simulators[0]!.url + new URL(request.url).pathname;
    return new Response(
      await (await fetch(url, {
        method: "POST",
        headers: request.headers,
        body: await request.bytes(),
      })).bytes(),
    );
  });

  const routed = await arrivals(
    await ask(fleet.router.url, { tokens, stream: true }),
  );
  const merged = await arrivals(
    await ask(`http://127.0.0.1:${merging.addr.port}`, {
      tokens,
      stream: true,
    }),
  );

  const generationMs = (tokens - 1) * interTokenMs;
  assert.ok(
    routed.length >= tokens,
    `${routed.length} chunks for ${tokens} tokens`,
  );
  assert.ok(
    routed.at(-1)! > 0.7 * generationMs,
    `all within ${routed.at(-1)} ms`,
  );
  assert.ok(
    merged.at(-1)! < 0.3 * generationMs,
    `the control took ${merged.at(-1)} ms`,
  );
  const longestGap = Math.max(
    ...routed.slice(1).map((time, i) => time - routed[i]!),
  );
  assert.ok(longestGap < 0.5 * generationMs, `nothing for ${longestGap} ms`);
});

Deno.test("a stream arrives byte for byte as the server sent it", async () => {
  await using fleet = await startFleet({ servers: [{ seed: 7 }] });
  const request = { tokens: 30, stream: true };
  const routed = await (await ask(fleet.router.url, request)).text();
  const direct = await (await ask(fleet.simulators[0]!.url, request)).text();

  const withoutIds = (text: string) => text.replaceAll(/"(id|created)":("[^"]*"|\d+)/g, "");
  assert.equal(withoutIds(routed), withoutIds(direct));
  assert.equal(eventsOf(routed).at(-1), "[DONE]");
});

Deno.test("the server's content type and headers are passed on, hop-by-hop ones are not", async () => {
  const seen: Headers[] = [];
  await using server = startUpstream((request) => {
    if (request.method === "GET") return new Response();
    seen.push(request.headers);
    return new Response(WHOLE, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "x-from-server": "kept",
        "x-private": "dropped",
        "connection": "x-private",
        "keep-alive": "timeout=5",
      },
    });
  });
  await using router = await startRouter([{
    url: server.url,
    models: ["m"],
    api_key: "server-key",
  }]);

  const response = await fetch(`${router.url}/v1/completions?a=b`, {
    method: "POST",
    headers: {
      authorization: "Bearer client-key",
      traceparent: "00-1-2-01",
      "x-request-id": "mine",
      "x-data-parallel-rank": "3",
      te: "trailers",
    },
    body: '{"model":"m"}',
  });
  assert.equal(await response.text(), WHOLE);
  assert.equal(
    response.headers.get("content-type"),
    "text/event-stream; charset=utf-8",
  );
  assert.equal(response.headers.get("x-from-server"), "kept");
  assert.equal(response.headers.get("x-private"), null);
  assert.equal(response.headers.get("keep-alive"), null);
  assert.equal(response.headers.get("x-request-id"), "mine");

  const [headers] = seen;
  assert.equal(headers!.get("authorization"), "Bearer server-key");
  assert.equal(headers!.get("traceparent"), "00-1-2-01");
  assert.match(headers!.get("x-request-id")!, /^mine-\w+$/);
  assert.equal(headers!.get("x-data-parallel-rank"), null);
  assert.equal(headers!.get("te"), null);
});

Deno.test("a body is sent byte for byte, whatever its spacing and field order", async () => {
  const bodies: string[] = [];
  await using server = startUpstream(async (request) => {
    if (request.method === "POST") bodies.push(await request.text());
    return Response.json({});
  });
  await using router = await startRouter([{ url: server.url, models: ["m"] }]);

  const body =
    '{ "unknown_field" : 1.0e2,\n\t"model":"m", "messages": [ {"content":"\\u00e9é"} ] }';
  const response = await fetch(`${router.url}/v1/chat/completions`, {
    method: "POST",
    body,
  });
  await response.body?.cancel();
  assert.deepEqual(bodies, [body]);
});

Deno.test("a large non-streamed answer arrives whole", async () => {
  const large = "x".repeat(5_000_000);
  await using server = startUpstream(({ method }) =>
    method === "GET" ? new Response() : Response.json({ large })
  );
  await using router = await startRouter([{ url: server.url, models: ["m"] }]);

  const response = await fetch(`${router.url}/v1/embeddings`, {
    method: "POST",
    body: '{"model":"m"}',
  });
  assert.deepEqual(await response.json(), { large });
});
