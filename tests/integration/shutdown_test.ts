import assert from "node:assert/strict";
import { ask, eventsOf, inFlight, startFleet } from "../support/fleet.ts";

Deno.test("a router told to stop finishes its streams, refuses new requests and is not ready", async () => {
  await using fleet = await startFleet({ servers: [{ speed: 2 }] });
  const { router } = fleet;
  const stream = await ask(router.url, { stream: true, tokens: 30 });

  const stopped = router.shutdown();
  const ready = await fetch(`${router.url}/readyz`);
  assert.equal(ready.status, 503);
  await ready.body?.cancel();
  const late = await ask(router.url);
  assert.equal(late.status, 503);
  assert.ok(late.headers.get("retry-after"));
  assert.equal((await late.json()).error.type, "service_unavailable");

  assert.equal(eventsOf(await stream.text()).at(-1), "[DONE]");
  await stopped;
  await assert.rejects(fetch(`${router.url}/livez`), "nobody listens any more");
});

Deno.test("a drain that takes too long is cut off, and the servers are freed", async () => {
  await using fleet = await startFleet({ servers: [{ speed: 1 }] });
  const stream = await ask(fleet.router.url, { stream: true, tokens: 5000 });
  const broken = assert.rejects(stream.text());
  await fleet.router.shutdown(50);
  await broken;
  assert.equal(inFlight(fleet.router), 0);
});
