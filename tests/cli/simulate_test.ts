import assert from "node:assert/strict";
import { listenFailure } from "../../src/cli/listen.ts";
import { cli } from "../support/cli.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

const simulate = (host: string, port: number) =>
  cli(["simulate", "--host", host, "--port", String(port)]);

Deno.test("simulate reports a port in use in one line, with exit code 1", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stdout, stderr } = await simulate("127.0.0.1", port);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, RegExp(`^error: 127\\.0\\.0\\.1:${port} is already in use[^\n]*--port\n$`));
});

Deno.test("simulate reports an address of another machine in one line, with exit code 1", async () => {
  const { code, stderr } = await simulate("192.0.2.1", 0);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "error: 192.0.2.1 is not an address of this machine; choose another with --host\n",
  );
});

Deno.test("simulate reports a host that can't be resolved in one line, with exit code 1", async () => {
  const { code, stderr } = await simulate("nobody.invalid", 0);
  assert.equal(code, 1);
  assert.match(stderr, /^error: nobody\.invalid can't be resolved; [^\n]*--host\n$/);
});

// Calls the function directly: tests may run as root, which may listen on any port.
Deno.test("a privileged port is reported with a hint", () => {
  const refused = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  assert.equal(
    listenFailure(refused, "0.0.0.0", 80),
    "no permission to listen on 0.0.0.0:80; choose a port above 1023 with --port",
  );
});

Deno.test("an error unrelated to the address is not explained", () => {
  assert.equal(listenFailure(new TypeError("bad certificate"), "0.0.0.0", 80), undefined);
});

Deno.test({
  name: "a stopping simulated server drains for up to --shutdown-timeout",
  ignore: Deno.build.os === "windows",
  async fn() {
    const flags = ["--port", "0", "--shutdown-timeout", "60", "--sse-keep-alive-interval", "5"];
    const server = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-net", "--allow-read", "--allow-env", MAIN, "simulate"]
        .concat(flags),
      stdout: "piped",
    }).spawn();
    const output = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let url: string | undefined;
    for (let told = ""; url === undefined; url = / on (http:\S+)\n/.exec(told)?.[1]) {
      told += (await output.read()).value;
    }
    const body = { messages: [{ role: "user", content: "Hello" }], max_tokens: 20, stream: true };
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, ignore_eos: true }),
    });
    server.kill("SIGTERM");
    const text = await response.text();
    assert.match(text, /"finish_reason":"length"[^]*\[DONE\]/);
    assert.equal((await output.read()).done, true);
    assert.equal((await server.status).code, 0);
  },
});
