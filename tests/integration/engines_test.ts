import assert from "node:assert/strict";
import { engineNames } from "../../src/config/engine_name.ts";
import { enginePages, type FakeEngine, startEngine } from "../support/engines.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

/** A fake of each engine whose answers count requests, all idle as far as they tell. */
function startAll(answer: (name: string, request: Request) => Response | Promise<Response>) {
  return engineNames.map((name) => {
    const pages = { ...enginePages[name] };
    for (const path of ["/metrics", "/prometheus/metrics"]) {
      const page = pages[path];
      if (page) pages[path] = () => idle(page());
    }
    return startEngine(pages, (request) => answer(name, request));
  });
}

/** The page with no request on the server. */
function idle(page: Response): Response {
  const transform = new TransformStream<string, string>({
    transform(text, controller) {
      controller.enqueue(
        text.replace(
          /^(\w+:?\w*(?:running|waiting|processing|deferred|queue|size|reqs)\w*.*) \S+$/gm,
          "$1 0",
        ),
      );
    },
  });
  return new Response(
    page.body!.pipeThrough(new TextDecoderStream()).pipeThrough(transform)
      .pipeThrough(new TextEncoderStream()),
  );
}

async function mixedRouter(fakes: readonly FakeEngine[], settings = {}) {
  const router = await startRouter(
    fakes.map(({ url }, i) => ({ url, name: engineNames[i]!, max_concurrent_requests: 8 })),
    settings,
  );
  await until(
    "every engine was recognised",
    () => router.fleet.snapshot().servers.every(({ engine, name }) => engine === name),
  );
  return router;
}

const ask = (url: string, content: string, more = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content }], ...more }),
  });

for (const policy of ["least_work", "least_load"]) {
  Deno.test(`${policy} balances a fleet of all engines, and starves none`, async () => {
    const served = new Map<string, number>();
    const fakes = startAll(async (name, request) => {
      await request.body?.cancel();
      served.set(name, (served.get(name) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return Response.json({ choices: [{ message: { content: "x" }, finish_reason: "stop" }] });
    });
    const router = await mixedRouter(fakes, { policy });
    const clients = Array.from({ length: 16 }, async (_, client) => {
      for (let i = 0; i < 8; i++) {
        const answer = await ask(router.url, `${client} ${i} ${crypto.randomUUID()}`);
        assert.equal(answer.status, 200);
        await answer.body?.cancel();
      }
    });
    await Promise.all(clients);
    await router.shutdown(0);
    for (const fake of fakes) await fake[Symbol.asyncDispose]();
    const counts = engineNames.map((name) => served.get(name) ?? 0);
    assert.equal(counts.reduce((a, b) => a + b), 128);
    // An equal share is 16.
    assert.ok(Math.min(...counts) >= 5, `${engineNames.map((name, i) => `${name} ${counts[i]}`)}`);
  });
}

Deno.test("only vLLM is asked for token ids", async () => {
  const asked = new Map<string, string>();
  const chunk = (finish: string | null) =>
    `data: ${
      JSON.stringify({ choices: [{ delta: { content: "x" }, finish_reason: finish }] })
    }\n\n`;
  const fakes = startAll(async (name, request) => {
    asked.set(name, await request.text());
    return new Response(chunk(null) + chunk("stop") + "data: [DONE]\n\n", {
      headers: { "content-type": "text/event-stream" },
    });
  });
  const router = await mixedRouter(fakes, { policy: "round_robin" });
  for (let i = 0; i < engineNames.length; i++) {
    const answer = await ask(router.url, `${i}`, { stream: true, max_tokens: 9 });
    assert.match(await answer.text(), /\[DONE\]/);
  }
  await router.shutdown(0);
  for (const fake of fakes) await fake[Symbol.asyncDispose]();
  assert.deepEqual([...asked.keys()].sort(), [...engineNames].sort());
  const withIds = [...asked].filter(([, body]) => body.includes("token_ids"));
  assert.deepEqual(withIds.map(([name]) => name), ["vllm"]);
});
