import assert from "node:assert/strict";
import { type AdmissionLimits, createAdmission } from "../../../src/proxy/admission.ts";
import { exchanged } from "../../support/exchange.ts";
import { readBody, type UploadLimits } from "../../../src/proxy/request/read_body.ts";
import type { ApiError } from "../../../src/http/api_errors.ts";
import type { Body } from "../../../src/proxy/request/body_buffer.ts";
import { until } from "../../support/until.ts";

const encoder = new TextEncoder();
const LIMIT = 1_000;

type Read = Awaited<ReturnType<typeof readBody>>;

/** Starts a real server that reads bodies, and a raw connection to it. */
async function reading(
  use: (reader: {
    write: (text: string) => Promise<void>;
    /** All that the server has sent. */
    said: () => string;
    hangUp: () => void;
    /** The result of each read. */
    reads: Read[];
    /** Reserved bytes. */
    reserved: () => number;
    /** Each reservation, and whether it was granted. */
    asked: [number, boolean][];
  }) => Promise<void>,
  upload: Partial<UploadLimits> = {},
  room = LIMIT,
): Promise<void> {
  const limits: AdmissionLimits = { maxInFlight: 1, bodyBufferBytes: room };
  const inner = createAdmission(() => limits);
  let reserved = 0;
  const asked: [number, boolean][] = [];
  const admission = {
    ...inner,
    reserve(bytes: number) {
      const fits = inner.reserve(bytes);
      asked.push([bytes, fits]);
      if (fits) reserved += bytes;
      return fits;
    },
    release(bytes: number) {
      inner.release(bytes);
      reserved -= bytes;
    },
  };
  const reads: Read[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      return await exchanged(async (exchange) => {
        reads.push(
          await readBody(exchange, admission, {
            maxBodyBytes: LIMIT,
            bodyBufferBytes: LIMIT,
            clientTimeoutMs: 60_000,
            ...upload,
          }),
        );
        exchange.respond(200, [], new TextEncoder().encode("read"));
      }, request);
    },
  );
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  let open = true;
  let said = "";
  const listening = (async () => {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(4_096);
    try {
      for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
        said += decoder.decode(buffer.subarray(0, n));
      }
    } catch {
      // The connection was closed.
    }
  })();
  const hangUp = () => {
    if (open) connection.close();
    open = false;
  };
  try {
    await use({
      async write(text) {
        for (let bytes = encoder.encode(text); bytes.length > 0;) {
          bytes = bytes.subarray(await connection.write(bytes));
        }
      },
      said: () => said,
      hangUp,
      reads,
      reserved: () => reserved,
      asked,
    });
  } finally {
    hangUp();
    await listening;
    await server.shutdown();
  }
}

const head = (framing: string) => `POST / HTTP/1.1\r\nhost: x\r\n${framing}\r\n\r\n`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

function bodyOf(read: Read): Body {
  assert.ok(read && "bytes" in read, JSON.stringify(read));
  return read;
}

Deno.test("a declared length alone reserves nothing: memory is reserved for the bytes that arrived", () =>
  reading(
    async ({ write, reads, reserved }) => {
      await write(head("content-length: 60000"));
      await write("x".repeat(12));
      await until("counted", () => reserved() > 0);
      assert.equal(reserved(), 12);
      assert.deepEqual(reads, []);
      await write("x".repeat(59_988));
      await until("read", () => reads.length === 1);
      assert.equal(new TextDecoder().decode(bodyOf(reads[0]).bytes), "x".repeat(60_000));
      assert.equal(reserved(), 60_000);
    },
    { maxBodyBytes: 100_000, bodyBufferBytes: 100_000 },
    100_000,
  ));

Deno.test("memory for a body that arrives in one piece is reserved once", () =>
  reading(async ({ write, reads, asked }) => {
    await write(`${head("content-length: 600")}${"x".repeat(600)}`);
    await until("read", () => reads.length === 1);
    assert.equal(bodyOf(reads[0]).bytes.length, 600);
    assert.deepEqual(asked, [[600, true]], "once");
  }));

Deno.test("a dropped body is released", () =>
  reading(async ({ write, reads, reserved }) => {
    await write(`${head("content-length: 600")}${"x".repeat(600)}`);
    await until("read", () => reads.length === 1);
    const body = bodyOf(reads[0]);
    body.drop();
    assert.equal(body.bytes.length, 0);
    assert.equal(reserved(), 0);
  }));

Deno.test("a steady upload may take longer than the timeout, a slow one may not", async () => {
  const upload = { clientTimeoutMs: 250 };
  // 256 bytes are due in each 250 ms.
  await reading(async ({ write, reads }) => {
    await write(head("content-length: 1000"));
    for (let i = 0; i < 10; i++) {
      await write("x".repeat(100));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await until("read", () => reads.length === 1);
    assert.equal(bodyOf(reads[0]).bytes.length, 1_000);
  }, upload);
  await reading(async ({ write, reads, reserved }) => {
    await write(head("content-length: 1000"));
    for (let i = 0; i < 20 && reads.length === 0; i++) {
      await write("x".repeat(10)).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await until("given up", () => reads.length === 1);
    assert.equal(errorIn(reads[0]).status, 408);
    assert.equal(reserved(), 0);
  }, upload);
});

const LARGER = /^The body is larger than/;
const NO_ROOM = /^The router.s buffer for request bodies is full/;

/** The error of a refused body. */
function errorIn(read: Read): ApiError {
  assert.ok(read && "status" in read, JSON.stringify(read));
  return read;
}

for (
  const [what, upload] of [
    ["than max_body_mib", { maxBodyBytes: 700 }],
    ["than body_buffer_mib", { bodyBufferBytes: 700 }],
  ] as const
) {
  Deno.test(`a body that is larger ${what} is refused before a byte is read`, () =>
    reading(async ({ write, reads, reserved, asked, said }) => {
      await write(head("content-length: 701"));
      await until("refused", () => reads.length === 1);
      const error = errorIn(reads[0]);
      assert.equal(error.status, 413);
      assert.match(error.message, LARGER);
      assert.equal(reserved(), 0);
      assert.deepEqual(asked, []);
      await until("answered", () => said().includes("200 OK"));
    }, upload));

  Deno.test(`a body without a length that grows larger ${what} is refused and released`, () =>
    reading(async ({ write, reads, reserved }) => {
      await write(head("transfer-encoding: chunked"));
      await write(chunk("x".repeat(600)));
      await until("counted", () => reserved() === 600);
      await write(chunk("y".repeat(101)));
      await until("refused", () => reads.length === 1);
      assert.equal(errorIn(reads[0]).status, 413);
      assert.equal(reserved(), 0);
    }, upload));
}

for (
  const [framing, second] of [
    ["content-length: 401", ""],
    ["transfer-encoding: chunked", chunk("y".repeat(401))],
  ] as const
) {
  Deno.test(`a body that does not fit next to others gets an error to retry later, with ${framing}`, () =>
    reading(async ({ write, reads, reserved }) => {
      await write(`${head("content-length: 600")}${"x".repeat(600)}`);
      await until("the first is read", () => reads.length === 1);
      await write(head(framing) + second);
      await until("refused", () => reads.length === 2);
      const error = errorIn(reads[1]);
      assert.equal(error.status, 503);
      assert.match(error.message, NO_ROOM);
      assert.equal(error.retryAfterSeconds, 1);
      assert.equal(reserved(), 600);
    }));
}

for (
  const [framing, some] of [
    ["content-length: 600", "x".repeat(300)],
    ["transfer-encoding: chunked", chunk("x".repeat(300))],
  ] as const
) {
  Deno.test(`a body that does not arrive in time gets 408 and is released for good, with ${framing}`, () =>
    reading(async ({ write, reads, reserved, said }) => {
      await write(head(framing) + some);
      await until("counted", () => reserved() > 0);
      await until("given up", () => reads.length === 1);
      const error = errorIn(reads[0]);
      assert.equal(error.status, 408);
      assert.match(error.message, /for 0\.1 s/);
      assert.equal(reserved(), 0);
      // Late bytes are not counted.
      await write(some).catch(() => {});
      await until("answered", () => said().includes("200 OK"));
      await write(some).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(reserved(), 0);
    }, { clientTimeoutMs: 100 }));
}

Deno.test("an invalid chunk is a malformed body, not a disconnected client", () =>
  reading(async ({ write, reads, reserved }) => {
    await write(head("transfer-encoding: chunked"));
    await write(chunk("x".repeat(300)));
    await until("counted", () => reserved() === 300);
    await write("no chunk\r\n");
    await until("refused", () => reads.length === 1);
    const error = errorIn(reads[0]);
    assert.equal(error.status, 400);
    assert.match(error.message, /malformed/);
    assert.equal(reserved(), 0);
  }));

Deno.test("a body without a length is counted as it arrives", () =>
  reading(async ({ write, reads, reserved }) => {
    await write(head("transfer-encoding: chunked"));
    await write(chunk("x".repeat(300)));
    await until("counted", () => reserved() === 300);
    await write(chunk("y".repeat(500)));
    await until("counted on", () => reserved() === 800);
    assert.deepEqual(reads, []);
    await write("0\r\n\r\n");
    await until("read", () => reads.length === 1);
    const { bytes } = bodyOf(reads[0]);
    assert.equal(new TextDecoder().decode(bytes), "x".repeat(300) + "y".repeat(500));
    assert.equal(reserved(), 800);
  }));

for (const framing of ["content-length: 600", "transfer-encoding: chunked"]) {
  Deno.test(`a body whose client disconnects midway is released, with ${framing}`, () =>
    reading(async ({ write, reads, reserved, hangUp }) => {
      await write(head(framing));
      await write(chunk("x".repeat(300)));
      await until("counted", () => reserved() > 0);
      hangUp();
      await until("noticed", () => reads.length === 1);
      // The runtime can't distinguish it from a client that only ends its body too early.
      assert.equal(errorIn(reads[0]).status, 400);
      assert.equal(reserved(), 0);
    }));
}

Deno.test("an empty body reserves nothing", () =>
  reading(async ({ write, reads, reserved }) => {
    await write(head("content-length: 0"));
    await until("read", () => reads.length === 1);
    assert.equal(bodyOf(reads[0]).bytes.length, 0);
    assert.equal(reserved(), 0);
  }));

Deno.test("a body is released once, however often it is dropped", () =>
  reading(async ({ write, reads, reserved }) => {
    await write(`${head("content-length: 400")}${"x".repeat(400)}`);
    await until("the first is read", () => reads.length === 1);
    await write(`${head("content-length: 500")}${"y".repeat(500)}`);
    await until("the second is read", () => reads.length === 2);
    assert.equal(reserved(), 900);
    const [first, second] = reads.map(bodyOf);
    first!.drop();
    first!.drop();
    assert.equal(reserved(), 500);
    second!.drop();
    assert.equal(reserved(), 0);
  }));
