import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { eventsOf, MODEL } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";

// A response in the background goes on at its own server (issue 17).

// deno-lint-ignore no-explicit-any
type Json = any;

/** Passes connections on to a port, and resets the first that carries a POST after some bytes. */
function startCutting(port: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let cutAfter: number | undefined;
  let cuts = 0;

  /** @param mostOf returns how many of these bytes to pass on; the connection ends after fewer */
  async function pass(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    mostOf: (bytes: Uint8Array) => number,
  ) {
    const buffer = new Uint8Array(16_384);
    try {
      for (let count = await from.read(buffer); count; count = await from.read(buffer)) {
        const bytes = buffer.slice(0, count);
        const most = Math.min(count, mostOf(bytes));
        for (let at = 0; at < most;) at += await to.write(bytes.subarray(at, most));
        if (most < count) break;
      }
    } catch {
      // Either side has closed.
    }
    for (const end of [from, to]) {
      try {
        end.close();
      } catch {
        // It has been closed before.
      }
    }
  }

  async function serve(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    let left = Infinity;
    const up = pass(client, server, (bytes) => {
      if (new TextDecoder().decode(bytes.subarray(0, 4)) === "POST") {
        left = cutAfter ?? Infinity;
        cutAfter = undefined;
      }
      return bytes.length;
    });
    const down = pass(server, client, (bytes) => {
      const most = left;
      left -= bytes.length;
      if (left < 0) cuts++;
      return most;
    });
    await Promise.all([up, down]);
  }

  const serving = (async () => {
    const connections: Promise<void>[] = [];
    for await (const client of listener) connections.push(serve(client));
    await Promise.all(connections);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    cut: (bytes: number) => void (cutAfter = bytes),
    cuts: () => cuts,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test("a response in the background whose stream breaks is read again from where it was", async () => {
  await using simulator = await startSimulator({ speed: 50 });
  await using cutting = startCutting(Number(new URL(simulator.url).port));
  const router = await startRouter([{ url: cutting.url }]);
  try {
    const read = async (input: string, more = {}): Promise<Json[]> => {
      const body = { model: MODEL, input, max_output_tokens: 24, stream: true, ...more };
      const response = await fetch(`${router.url}/v1/responses`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, background: true, ignore_eos: true }),
      });
      return eventsOf(await response.text());
    };
    const uncut = await read("Hello");
    const texts = (events: Json[]) => events.map(({ delta }) => delta ?? "").join("");
    for (let bytes = 3_500; bytes < 8_500; bytes += 500) {
      cutting.cut(bytes);
      const events = await read("Hello");
      assert.equal(texts(events), texts(uncut), `${bytes}`);
      assert.deepEqual(
        events.map(({ sequence_number: number }) => number),
        uncut.map(({ sequence_number: number }) => number),
      );
      assert.deepEqual(events.map(({ type }) => type), uncut.map(({ type }) => type));
      assert.equal(events[0].response.id, events.at(-1).response.id);
    }
    assert.ok(cutting.cuts() > 5);
    cutting.cut(5_000);
    const calls = await read("Look it up", {
      tools: [{ type: "function", name: "look", parameters: { type: "object", properties: {} } }],
      tool_choice: "required",
    });
    assert.equal(calls.at(-1).type, "response.completed");
    assert.match(JSON.stringify(calls), /function_call/);
  } finally {
    await router.shutdown(0);
  }
});
