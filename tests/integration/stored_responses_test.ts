import assert from "node:assert/strict";
import OpenAI from "openai";
import { MODEL, startFleet, type TestFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

// vLLM keeps a response in the memory of the server that answered (issue 18).

const clientOf = (url: string, apiKey = "none") =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

const start = (settings = {}) =>
  startFleet({
    servers: [{ speed: 50 }, { speed: 50 }, { speed: 50 }],
    settings: { policy: "round_robin", ...settings },
  });

const create = (fleet: { readonly router: { readonly url: string } }, more = {}) =>
  clientOf(fleet.router.url).responses.create({
    model: MODEL,
    input: "Hello",
    max_output_tokens: 5,
    ...more,
  }) as Promise<OpenAI.Responses.Response>;

const get = (fleet: TestFleet, path: string, init?: RequestInit) =>
  fetch(`${fleet.router.url}/v1/responses/${path}`, init);

Deno.test("30 conversations of two turns over three servers find their first turn", async () => {
  await using fleet = await start();
  const first = await Promise.all(Array.from({ length: 30 }, () => create(fleet)));
  for (const { id } of first) {
    const second = await create(fleet, { previous_response_id: id });
    assert.equal(second.previous_response_id, id);
  }
});

Deno.test("a response is read again, also as a stream from an event on", async () => {
  await using fleet = await start();
  const client = clientOf(fleet.router.url);
  for (let i = 0; i < 6; i++) {
    const { id, output_text: text } = await create(fleet);
    assert.equal((await client.responses.retrieve(id)).output_text, text);
  }
  const created = await client.responses.create({
    model: MODEL,
    input: "Hello",
    max_output_tokens: 5,
    background: true,
    stream: true,
  });
  let id = "";
  for await (const event of created) if (event.type === "response.created") id = event.response.id;
  const stream = await (await get(fleet, `${id}?stream=true&starting_after=3`)).text();
  const [from] = /"sequence_number": ?(\d+)/.exec(stream)!.slice(1);
  assert.equal(from, "4");
  assert.match(stream, /response\.completed/);
});

Deno.test("a response in the background is cancelled where it runs", async () => {
  await using fleet = await startFleet({
    servers: Array(3).fill({ speed: 1 }),
    settings: { policy: "round_robin" },
  });
  const client = clientOf(fleet.router.url);
  for (let i = 0; i < 6; i++) {
    const { id } = await create(fleet, { background: true, max_output_tokens: 2_000 });
    assert.equal((await client.responses.cancel(id)).status, "cancelled");
  }
  await until(
    "all servers are free",
    () => fleet.simulators.every((simulator) => simulator.state().running === 0),
  );
});

Deno.test("a response whose server is gone is a 404 that says so", async () => {
  await using fleet = await start({ failure_threshold: 1 });
  const { id } = await create(fleet);
  const home = fleet.simulators.findIndex((simulator) => simulator.state().finished > 0);
  await fleet.simulators[home]!.close();
  const { url } = fleet.simulators[home]!;
  await until(
    "the router has noticed",
    () =>
      fleet.router.fleet.snapshot().servers.some((server) =>
        server.url === url && server.state === "unhealthy"
      ),
  );
  const read = await get(fleet, id);
  assert.equal(read.status, 404);
  const { error } = await read.json();
  assert.match(error.message, /was kept by the server .* gone/);
  assert.equal(error.code, "response_gone");
  await assert.rejects(
    create(fleet, { previous_response_id: id }),
    (thrown) => thrown instanceof OpenAI.NotFoundError && thrown.code === "response_gone",
  );
});

Deno.test("a response that nobody has is the server's 404, after all were asked", async () => {
  await using fleet = await start();
  const read = await get(fleet, "resp_nobody_has_this");
  assert.equal(read.status, 404);
  assert.match((await read.json()).error.message, /resp_nobody_has_this/);
  const received = fleet.simulators.map((simulator) => simulator.state().received);
  assert.ok(received.every((count) => count <= 1), `${received}`);
});

Deno.test("a router that was started anew finds where a response is", async () => {
  await using fleet = await start();
  const { id } = await create(fleet);
  const servers = fleet.simulators.map(({ url }) => ({ url }));
  const router = await startRouter(servers, { policy: "round_robin" });
  try {
    for (let i = 0; i < 4; i++) {
      const read = await clientOf(router.url).responses.retrieve(id);
      assert.equal(read.id, id);
    }
    const next = await create({ router }, { previous_response_id: id });
    assert.equal(next.previous_response_id, id);
  } finally {
    await router.shutdown(0);
  }
});

Deno.test("a response belongs to the key that it was created with", async () => {
  await using fleet = await start();
  const servers = fleet.simulators.map(({ url }) => ({ url }));
  const router = await startRouter(servers, {}, {}, {
    models: { aliases: { "gpt-5": MODEL } },
    auth: {
      api_keys: [
        { name: "lab", key: "the-key-of-the-lab", models: [MODEL] },
        { name: "other", key: "the-key-of-others" },
      ],
    },
  });
  try {
    const lab = clientOf(router.url, "the-key-of-the-lab");
    const other = clientOf(router.url, "the-key-of-others");
    const { id } = await lab.responses.create({ model: "gpt-5", input: "Hello" });
    const read = await lab.responses.retrieve(id);
    assert.equal(read.model, "gpt-5", "under the name that was asked for");
    await assert.rejects(other.responses.retrieve(id), OpenAI.NotFoundError);
    await assert.rejects(
      other.responses.create({ model: MODEL, input: "And?", previous_response_id: id }),
      (thrown) => thrown instanceof OpenAI.NotFoundError && thrown.code === "response_not_found",
    );
  } finally {
    await router.shutdown(0);
  }
});

Deno.test("a response whose first server failed before its first token has one id", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 50, fault: { kind: "hang_before_first_token" } }, { speed: 50, seed: 7 }],
    settings: { policy: "round_robin", request_timeout: 0.3, stall_timeout: 0.2 },
  });
  for (let i = 0; i < 2; i++) {
    const ids = new Set<string>();
    const stream = await clientOf(fleet.router.url).responses.create({
      model: MODEL,
      input: `Hello ${i}`,
      max_output_tokens: 5,
      stream: true,
    });
    for await (const event of stream) if ("response" in event) ids.add(event.response.id);
    assert.equal(ids.size, 1);
    const [id] = ids;
    assert.equal((await clientOf(fleet.router.url).responses.retrieve(id!)).id, id);
  }
  assert.equal(fleet.simulators[0]!.state().received, 1);
});
