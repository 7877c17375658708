import assert from "node:assert/strict";
import { clientsEventsIn } from "../support/events.ts";
import { startRouter } from "../support/router.ts";
import { metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";

const START = `event: message_start\ndata: {"type":"message_start","message":{}}\n\n`;
const TOKEN = `event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n`;
const ERROR = `data: {"error":{"message":"the engine died","type":"InternalServerError"}}\n\n`;

for (
  const [when, parts] of [
    ["before the first token", [START + ERROR]],
    ["after tokens", [START + TOKEN, TOKEN, ERROR]],
  ] as const
) {
  Deno.test(`a server's error without a name, ${when}, is an error event at /v1/messages`, async () => {
    await using server = startUpstream(({ url }) => {
      if (url.endsWith("/v1/models")) return modelsPage("m");
      if (url.endsWith("/metrics")) return metricsPage();
      if (url.endsWith("/health")) return new Response();
      const stream = ReadableStream.from((async function* () {
        for (const part of parts) {
          yield new TextEncoder().encode(part);
          await new Promise((resolve) => setTimeout(resolve));
        }
      })());
      return new Response(stream, { headers: { "content-type": "text/event-stream" } });
    });
    await using router = await startRouter([{ url: server.url }]);
    const response = await fetch(`${router.url}/v1/messages`, {
      method: "POST",
      body: JSON.stringify({ model: "m", stream: true }),
    });
    assert.equal(response.headers.get("request-id"), response.headers.get("x-request-id"));
    const events = clientsEventsIn(await response.text());
    const { name, data } = events.at(-1)!;
    assert.equal(name, "error");
    assert.equal(JSON.parse(data).error.message, "the engine died");
  });
}
