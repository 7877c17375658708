import assert from "node:assert/strict";
import { http1 } from "../support/router.ts";
import { until } from "../support/until.ts";
import { configText } from "./guarded.ts";
import { connectRaw, type RawConnection } from "./raw_client.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const LIVEZ = "GET /livez HTTP/1.1\r\nHost: router\r\n\r\n";
const OPEN_FILES = 150;

Deno.test("running out of file descriptors stops neither the router nor its open connections", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/servers.toml`, configText({ server: "http://127.0.0.1:9" }));
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `ulimit -n ${OPEN_FILES}; exec "$@"`,
      "sh",
      Deno.execPath(),
      ...["run", "--quiet", "--allow-all", `--config=${CONFIG}`, MAIN, "run"],
      ...["--host", "127.0.0.1", "--port", "0", "--config", `${folder}/servers.toml`],
    ],
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const ended = reading.then(() => child.status);
  try {
    const port = () => Number(/Listening on http:\/\/[^:]+:(\d+)/.exec(output)?.[1] ?? 0);
    await until("the router listens", () => port() > 0);
    await using first = await connectRaw(port());
    const alive = async (connection: RawConnection) => {
      await connection.send(LIVEZ);
      return (await connection.answer())?.status;
    };
    assert.equal(await alive(first), 200);

    const crowd: RawConnection[] = [];
    await until("accepting fails", async () => {
      // The router doesn't listen between two attempts.
      const connection = await connectRaw(port()).catch(() => undefined);
      if (connection) crowd.push(connection);
      return output.includes("Too many open files");
    });
    if (http1 === "deno") {
      assert.equal(await alive(first), 200, "the open connection is still served");
    } else {
      // Idle connections give way to new ones.
      await using another = await connectRaw(port());
      assert.equal(await alive(another), 200);
    }

    for (const connection of crowd) await connection[Symbol.asyncDispose]();
    await until("the router accepts connections again", async () => {
      const connection = await connectRaw(port()).catch(() => undefined);
      if (!connection) return false;
      await using another = connection;
      return await alive(another) === 200;
    });
    const page = await (await fetch(`http://127.0.0.1:${port()}/metrics`)).text();
    assert.match(page, /^vllm_router_connection_failures_total\{reason="accept"\} [1-9]/m);
    if (http1 === "deno") assert.equal(await alive(first), 200);
  } finally {
    child.kill("SIGTERM");
  }
  assert.equal((await ended).code, 0, output);
  await Deno.remove(folder, { recursive: true });
});
