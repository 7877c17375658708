import assert from "node:assert/strict";
import { http1, startRouter } from "../support/router.ts";
import * as framing from "./hostile/framing.ts";
import * as heads from "./hostile/heads.ts";
import { BROKEN_BODY, post, type Row } from "./hostile/request.ts";
import * as requestLines from "./hostile/request_lines.ts";
import { connectRaw, type RawAnswer, type RawConnection } from "./raw_client.ts";
import { startStrictServer } from "./strict_server.ts";

const groups: Record<string, readonly Row[]> = { ...framing, ...heads, ...requestLines };

async function setUp() {
  const server = startStrictServer();
  const router = await startRouter([{ url: server.url }]);
  return {
    server,
    router,
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The next response that isn't an interim one. */
async function nextAnswer(connection: RawConnection, method?: string) {
  let answer;
  do answer = await connection.answer(method); while (answer && answer.status < 200);
  return answer;
}

/** What the router's own parser refuses is answered as all other errors are. */
function assertExplained({ status, headers, body }: RawAnswer): void {
  const { error } = JSON.parse(body);
  assert.match(error.code, /^[a-z_]+$/, `${status}`);
  assert.match(error.message, /^[A-Z`].*\.$/);
  assert.ok(headers.some(([name, value]) => name === "connection" && value === "close"));
}

Deno.test("there are over 150 different hostile requests", () => {
  const rows = Object.values(groups).flat();
  assert.ok(rows.length > 150, `${rows.length}`);
  assert.equal(new Set(rows.map(([name]) => name)).size, rows.length);
  assert.equal(new Set(rows.map(([, bytes]) => bytes)).size, rows.length);
});

for (const [group, rows] of Object.entries(groups)) {
  Deno.test(`hostile requests have the expected outcome, and servers see only well-formed ones: ${group}`, async (t) => {
    await using parts = await setUp();
    const { router, server } = parts;
    for (const [name, bytes, fates] of rows) {
      await t.step(name, async () => {
        const fate = "own" in fates ? fates[http1] : fates;
        const before = server.requests.length;
        await using connection = await connectRaw(router.port);
        await connection.send(bytes);
        for (const status of fate.answers) {
          const answer = await nextAnswer(connection);
          if (answer === undefined && fate.mayBeLost) break;
          assert.equal(answer?.status, status);
          if (http1 === "own" && fate.then === "closed" && status >= 400) assertExplained(answer!);
        }
        if (fate.then === "open") {
          await connection.send("GET /livez HTTP/1.1\r\nHost: router\r\n\r\n");
          assert.equal((await connection.answer())?.body, `{"status":"alive"}`);
        } else {
          if (fate.then === "waits") {
            await connection.end();
            assert.equal((await connection.answer())?.status ?? BROKEN_BODY, BROKEN_BODY);
          }
          assert.equal(await connection.closed(), "");
        }
        // This request arrives after all others.
        await using last = await connectRaw(router.port);
        await last.send(post({ body: `{"z":1}` }));
        assert.equal((await last.answer())?.status, 200);
        const came = server.requests.slice(before).map(({ method, target, body }) => ({
          method,
          target,
          body,
        }));
        assert.deepEqual(came, [
          ...fate.reaches.map((request) => ({ method: "POST", ...request })),
          { method: "POST", target: "/v1/chat/completions", body: `{"z":1}` },
        ]);
        assert.deepEqual(server.problems, []);
        assert.equal(router.fleet.snapshot().servers[0]?.inFlight, 0);
      });
    }
  });
}
