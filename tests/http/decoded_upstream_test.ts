import assert from "node:assert/strict";
import { openClientPool } from "../../src/http/client_pool.ts";
import type { FieldMap } from "../../src/http/field_map.ts";
import { startUpstream } from "../support/upstream.ts";

/** What a server's answer is read as: its `content-encoding`, and its body. */
async function read(
  http1: "own" | "deno",
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<{ readonly encoding: string | null; readonly bytes: Uint8Array }> {
  await using server = startUpstream(() => new Response(body, { headers }));
  const connections = openClientPool(http1);
  try {
    const upstream = connections.open({ url: server.url }, {
      path: "/",
      headers: [["accept-encoding", "identity"]],
      body: new Uint8Array(),
    });
    const { headers }: { headers: FieldMap } = await upstream.head();
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let piece = await upstream.read(); piece; piece = await upstream.read()) {
      pieces.push(piece.slice());
    }
    const bytes = await new Blob(pieces).bytes();
    return { encoding: headers.get("content-encoding") ?? null, bytes };
  } finally {
    connections.close();
  }
}

function compressed(text: string, format: CompressionFormat): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream(format))).bytes();
}

for (const http1 of ["own", "deno"] as const) {
  for (const coding of ["gzip", "deflate"] as const) {
    Deno.test(`over ${http1}, an event stream compressed with ${coding} by a mesh is read as text`, async () => {
      const text = "data: x\n\n".repeat(100);
      const { encoding, bytes } = await read(http1, await compressed(text, coding), {
        "content-type": "text/event-stream",
        "content-encoding": coding,
      });
      assert.equal(encoding, null);
      assert.equal(new TextDecoder().decode(bytes), text);
    });
  }

  Deno.test(`over ${http1}, other compressed answers are passed on unchanged`, async () => {
    const body = await compressed("{}", "gzip");
    const { encoding, bytes } = await read(http1, body, {
      "content-type": "application/json",
      "content-encoding": "gzip",
    });
    assert.equal(encoding, "gzip");
    assert.deepEqual(bytes, body);
  });
}
