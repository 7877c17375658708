import assert from "node:assert/strict";
import { chanceOf } from "./fuzz/chance.ts";
import { pathAndQueryOf } from "./fuzz/compare.ts";
import { mutatedMessages } from "./fuzz/mutations.ts";
import { bytesOf, isMessage, type Message, parseMessage } from "./parse_message.ts";

const SEED = 16;
/** Mutated requests that ours accepts. */
const COUNT = 4_000;

/** The values of each name joined in order; like Deno.serve, without empty ones before others. */
function joined(pairs: Message["fields"]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of pairs) {
    values[name] = values[name] ? `${values[name]}, ${value}` : value;
  }
  return values;
}

/** What a handler can see of a request. */
const seenOf = ({ start, fields, body }: Pick<Message, "start" | "fields" | "body">) => ({
  start,
  fields: joined(fields),
  // `Request` has no body with these methods.
  body: start[0] === "GET" || start[0] === "HEAD" ? "" : String(body),
});

/** Sends bytes on a connection of their own until an answer begins, interim answers aside. */
async function send(port: number, bytes: Uint8Array): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  const buffer = new Uint8Array(4_096);
  for (let answer = ""; !/HTTP\/1\.\d [2-5]/.test(answer);) {
    const read = await connection.read(buffer);
    // What it refuses within a body, it does not answer.
    if (read === null) return;
    answer += String.fromCharCode(...buffer.subarray(0, read));
  }
}

Deno.test("a request that Deno.serve accepts as well is read alike", async () => {
  let seen: ReturnType<typeof seenOf> | undefined;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      // In a URL, the target `*` has become a path.
      const target = pathAndQueryOf(request.url).replace(/^\/\*$/, "*");
      const start = [request.method, target] as const;
      seen = seenOf({ start, fields: [...request.headers], body: await request.bytes() });
      return new Response("seen");
    },
  );
  let alike = 0;
  for (let nth = 0, sent = 0; sent < COUNT; nth++) {
    const bytes = bytesOf(mutatedMessages("request", chanceOf(SEED, nth)));
    const ours = parseMessage("request", bytes);
    if (!isMessage(ours)) continue;
    sent++;
    seen = undefined;
    await send(server.addr.port, bytes.subarray(0, ours.end));
    if (seen === undefined) continue;
    assert.deepEqual(seen, seenOf(ours), `case ${nth}`);
    alike++;
  }
  // It refuses `Upgrade: h2c` with a body.
  assert.ok(alike > 0.95 * COUNT, `${alike} alike`);
});
