import assert from "node:assert/strict";
import { eventsOf, MODEL } from "./support/fleet.ts";

const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-env",
  "--unstable-no-legacy-abort",
  "--unstable-net",
];

/** Bundles what `deno compile` would embed into one file in an otherwise empty folder. */
async function bundle(folder: string): Promise<string> {
  const path = `${folder}/vllm-router.js`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--output", path, "main.ts"],
    cwd: new URL("../", import.meta.url),
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return path;
}

Deno.test("the bundle runs as one file: all imports are static and assets are embedded", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = await bundle(folder);
    const router = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", ...PERMISSIONS, path, "demo", "--port", "0"],
      cwd: folder,
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let address: string | undefined;
    let printed = "";
    const output = router.stdout.pipeThrough(new TextDecoderStream());
    const reader = output.getReader();
    while (!address) {
      const { value, done } = await reader.read();
      assert.ok(!done, printed);
      printed += value;
      address = /The router in front of them: (\S+)/.exec(printed)?.[1];
    }
    const draining = (async () => {
      while (!(await reader.read()).done);
    })();

    const stream = await fetch(`${address}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: MODEL,
        stream: true,
        max_tokens: 3,
        messages: [{ role: "user", content: "Hello" }],
      }),
    });
    assert.equal(eventsOf(await stream.text()).at(-1), "[DONE]");
    const page = await fetch(`${address}/dashboard`);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<html/);

    router.kill("SIGTERM");
    assert.equal((await router.status).code, 0);
    await draining;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
