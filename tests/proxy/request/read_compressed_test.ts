import assert from "node:assert/strict";
import { createAdmission } from "../../../src/proxy/admission.ts";
import { compressionOf, inflate } from "../../../src/proxy/request/read_compressed.ts";
import { createBodyBuffer } from "../../../src/proxy/request/body_buffer.ts";
import { startGuarded, startRecorder } from "../../security/guarded.ts";

const MIB = 1024 * 1024;

function compress(text: string, format: CompressionFormat): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream(format))).bytes();
}

/** Decompresses bytes with a buffer limit of 100 MiB. */
async function inflated(bytes: Uint8Array, format: CompressionFormat, maxBytes = 64 * MIB) {
  const room = 100 * MIB;
  const admission = createAdmission(() => ({ maxInFlight: 1, bodyBufferBytes: room }));
  const store = createBodyBuffer(admission, bytes.length, room);
  assert.equal(store.append(bytes), undefined);
  const body = await inflate(store.whole(), format, admission, maxBytes);
  const held = "bytes" in body ? body.bytes.length : 0;
  assert.ok(
    admission.hasRoom(room - held) && !admission.hasRoom(room - held + 1),
    "all is counted",
  );
  return body;
}

for (const format of ["gzip", "deflate"] as const) {
  Deno.test(`a body in ${format} is decompressed, and only the output stays reserved`, async () => {
    for (const text of ["", "{}", `{"prompt":"${"word ".repeat(100_000)}"}`]) {
      const body = await inflated(await compress(text, format), format);
      assert.ok("bytes" in body, JSON.stringify(body));
      assert.equal(new TextDecoder().decode(body.bytes), text);
    }
  });

  Deno.test(`a body that isn't ${format} is a bad request`, async () => {
    const error = await inflated(new TextEncoder().encode("{}"), format);
    assert.equal("status" in error && error.status, 400);
    assert.match("message" in error ? error.message : "", new RegExp(`not valid ${format}`));
  });
}

Deno.test("a truncated gzip body is a bad request", async () => {
  const whole = await compress("x".repeat(10_000), "gzip");
  for (const cut of [1, 2, 9, 20]) {
    const error = await inflated(whole.subarray(0, -cut), "gzip");
    assert.equal("status" in error && error.status, 400, `${cut} bytes less`);
  }
});

Deno.test("a decompression bomb is refused at the limit without blocking the event loop", async () => {
  const bomb = await compress(" ".repeat(200 * MIB), "gzip");
  let longestMs = 0;
  let done = false;
  const watching = (async () => {
    for (let at = performance.now(); !done; at = performance.now()) {
      await new Promise((resolve) => setTimeout(resolve));
      longestMs = Math.max(longestMs, performance.now() - at);
    }
  })();
  const startedAt = performance.now();
  const error = await inflated(bomb, "gzip");
  const totalMs = performance.now() - startedAt;
  done = true;
  await watching;
  assert.ok("status" in error);
  assert.equal(error.status, 413);
  // On a slow machine each turn takes longer, but never most of the time.
  assert.ok(longestMs < Math.max(100, totalMs / 2), `${longestMs} of ${totalMs} ms`);
});

Deno.test("content encodings are case-insensitive, and unknown ones get 415 with a message", () => {
  const of = (encoding: string) => compressionOf(new Headers({ "content-encoding": encoding }));
  assert.equal(compressionOf(new Headers()), undefined);
  assert.equal(of("Identity"), undefined);
  assert.equal(of("GZIP"), "gzip");
  assert.equal(of("x-gzip"), "gzip");
  assert.equal(of("deflate"), "deflate");
  for (const encoding of ["br", "zstd", "gzip, gzip", "gzip, br"]) {
    const error = of(encoding);
    assert.ok(typeof error === "object", encoding);
    assert.equal(error.status, 415);
    assert.match(error.message, /not supported/);
  }
});

Deno.test("a server gets a compressed body decompressed, without the header", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, settings: "max_body_mib = 1" });
  const ask = async (text: string, encoding: string, format: CompressionFormat = "gzip") => {
    const response = await router.ask({
      headers: { "content-type": "application/json", "content-encoding": encoding },
      body: await compress(text, format),
    });
    await response.body?.cancel();
    return response.status;
  };
  const text = `\uFEFF{"model":"m","messages":[]}`;
  assert.equal(await ask(text, "gzip"), 200);
  assert.equal(await ask(text, "deflate", "deflate"), 200);
  for (const { body, headers } of server.seen) {
    assert.deepEqual(body, text.slice(1), "as a text, which leaves the byte order mark out");
    assert.equal(headers.get("content-encoding"), null);
  }
  assert.equal(await ask(`{"model":"big","prompt":"${"a".repeat(2 * MIB)}"}`, "gzip"), 413);
  assert.equal(await ask(text, "br"), 415);
  assert.equal(await ask(text, "deflate", "gzip"), 400);
  assert.equal(server.seen.length, 2);
});
