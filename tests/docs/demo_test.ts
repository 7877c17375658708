import assert from "node:assert/strict";
import { deadUrl } from "../support/upstream.ts";
import { commandsIn } from "./command_lines.ts";
import { type Demo, startDemo } from "./demo.ts";
import { codeIn, pages, proseOf, read, samples, section } from "./pages.ts";
import { isInstalled, output, router } from "./programs.ts";

/** Without those to an admin address, which the demo doesn't have. */
const curlsIn = (page: string) =>
  samples(read(page), "sh").flatMap(commandsIn)
    .filter((line) => line.startsWith("curl ") && !line.includes(":9090"));

Deno.test("the samples work unchanged against the demo", async (t) => {
  await using demo = await startDemo();
  const here = (text: string) => text.replaceAll("127.0.0.1:8888", `127.0.0.1:${demo.port}`);
  const curls = new Set(pages.flatMap(curlsIn));
  const scripts = samples(read("README.md"), "js");
  assert.equal(curlsIn("README.md").length, 3);
  assert.equal(curls.size, 4);
  assert.equal(scripts.length, 1);

  await t.step("the README's are those that the demo prints", () => {
    const bare = (text: string) => text.replaceAll(/[\s\\{},]/g, "");
    for (const sample of [curlsIn("README.md")[0]!, ...scripts]) {
      assert.ok(bare(demo.printed()).includes(bare(here(sample))), sample);
    }
  });

  await t.step("every page in the demo's output exists", () => assertItsPagesExist(demo));

  await t.step({
    name: "it listens on every address, and says so",
    // Elsewhere loopback has one address only.
    ignore: Deno.build.os !== "linux",
    async fn() {
      assert.ok(demo.printed().includes(`listens on 0.0.0.0:${demo.port}:`));
      const { status, body } = await fetch(`http://127.0.0.2:${demo.port}/livez`);
      await body?.cancel();
      assert.equal(status, 200);
    },
  });

  for (const curl of curls) {
    await t.step({
      name: curl.slice(0, 60),
      ignore: !isInstalled("curl"),
      async fn() {
        const line = here(curl).replace("curl", "curl --silent --show-error --fail");
        const { stdout, stderr, code } = await output("sh", ["-c", line]);
        assert.equal(code, 0, stderr);
        if (!curl.includes('"stream": true')) return void JSON.parse(stdout);
        const events = stdout.split("\n\n").filter(Boolean);
        assert.ok(events.every((event) => event.startsWith("data: ")), stdout);
        assert.ok(events.length > 3 && events.at(-1) === "data: [DONE]");
      },
    });
  }

  await t.step("the openai sample prints an answer", async () => {
    const permissions = ["--allow-net", "--allow-env", "--allow-read"];
    const args = ["run", "--quiet", ...permissions, "-"];
    const { stdout, stderr, code } = await output(Deno.execPath(), args, here(scripts[0]!));
    assert.equal(code, 0, stderr);
    assert.ok(stdout.trim().split(/\s+/).length > 3, stdout);
  });

  await t.step("docs/endpoints.md names every field of /health and /load-stats", async () => {
    for (const [path, anchor] of [["/health", "health"], ["/load-stats", "load"]] as const) {
      const document = await (await fetch(`http://127.0.0.1:${demo.port}${path}`)).json();
      const named = codeIn(proseOf(section(read("docs/endpoints.md"), anchor)))
        .flatMap((code) => code.split(/[.[\]]+/));
      assert.deepEqual(fieldsOf(document).filter((field) => !named.includes(field)), []);
    }
  });

  await t.step("the image's health check passes, and fails if nothing listens", async () => {
    const [, check] = /HEALTHCHECK[^[]*CMD (\[.*\])/.exec(read("deploy/Dockerfile"))!;
    const [program, ...args] = JSON.parse(check!);
    assert.equal(program, "vllm-router");
    const run = async (port: number) => (await router([...args, `--port=${port}`])).code;
    assert.equal(await run(demo.port), 0);
    assert.equal(await run(Number(new URL(deadUrl()).port)), 1);
  });
});

async function assertItsPagesExist(demo: Demo): Promise<void> {
  const named = ["/dashboard", "/load-stats", "/health"];
  const found = [...demo.printed().matchAll(/: (http:\S+:\d+(\/\S+))/g)];
  assert.deepEqual(found.map(([, , path]) => path), named);
  for (const [, page] of found) {
    assert.ok(page!.startsWith(`http://127.0.0.1:${demo.port}`));
    const { status, body } = await fetch(page!);
    await body?.cancel();
    assert.equal(status, 200, page);
  }
}

/** Names of all fields in a document; what is below a model's name has no name of its own. */
function fieldsOf(document: unknown): readonly string[] {
  if (Array.isArray(document)) return document.flatMap(fieldsOf);
  if (typeof document !== "object" || document === null) return [];
  return Object.entries(document).flatMap(([name, value]) =>
    name === "tokens_per_byte" ? [name] : [name, ...fieldsOf(value)]
  );
}
