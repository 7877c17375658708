import assert from "node:assert/strict";
import { type LockFile, type ModuleGraph, sbomOf } from "../../.ci/sbom.ts";

const ROOT = new URL("../../", import.meta.url);
const lock: LockFile = JSON.parse(Deno.readTextFileSync(new URL("deno.lock", ROOT)));

/** Lists what `main.ts` and all that it imports contain. */
async function ownSbom() {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: ROOT,
    stdout: "piped",
    stderr: "null",
  }).output();
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  return sbomOf(graph, lock, { version: "9.9.9", commit: "abc", deno: "2.9.6" });
}

Deno.test("the SBOM lists the runtime and what the router imports, but not what only tests use", async () => {
  const { components, dependencies } = await ownSbom();
  const names = components.map(({ purl }) => purl.replace(/@[^@]+$/, ""));
  for (
    const name of [
      "pkg:github/denoland/deno",
      "pkg:npm/hono",
      "pkg:npm/%40logtape/logtape",
      // Imported by prom-client.
      "pkg:npm/tdigest",
    ]
  ) assert.ok(names.includes(name), name);
  for (const name of ["pkg:npm/openai", "pkg:npm/playwright-core", "pkg:npm/fast-check"]) {
    assert.ok(!names.includes(name), name);
  }
  const refs = components.map((component) => component["bom-ref"]);
  assert.equal(new Set(refs).size, refs.length);
  for (const { dependsOn } of dependencies) {
    for (const ref of dependsOn) assert.ok(refs.includes(ref), ref);
  }
  assert.ok(dependencies.some(({ ref }) => ref === "pkg:generic/vllm-router@9.9.9"));
});

Deno.test("packages with a scope, with peers and with another hash are named as CycloneDX wants it", () => {
  const integrity = `sha512-${btoa("\x00\xff")}`;
  const packages: ModuleGraph["npmPackages"] = {
    "@a/b@1.0.0_c@2.0.0": { name: "@a/b", version: "1.0.0", dependencies: ["c@2.0.0"] },
    "@a/b@1.0.0_c@3.0.0": { name: "@a/b", version: "1.0.0", dependencies: [] },
    "c@2.0.0": { name: "c", version: "2.0.0", dependencies: ["@a/b@1.0.0_c@3.0.0"] },
    "unused@1.0.0": { name: "unused", version: "1.0.0", dependencies: [] },
  };
  const { components } = sbomOf(
    { modules: [{}, { npmPackage: "@a/b@1.0.0_c@2.0.0" }], npmPackages: packages },
    { npm: Object.fromEntries(Object.keys(packages).map((id) => [id, { integrity }])) },
    { version: "9.9.9", commit: "abc", deno: "2.9.6" },
  );
  assert.deepEqual(components.slice(1), [
    {
      type: "library",
      "bom-ref": "pkg:npm/%40a/b@1.0.0",
      group: "@a",
      name: "b",
      version: "1.0.0",
      purl: "pkg:npm/%40a/b@1.0.0",
      hashes: [{ alg: "SHA-512", content: "00ff" }],
    },
    {
      type: "library",
      "bom-ref": "pkg:npm/c@2.0.0",
      name: "c",
      version: "2.0.0",
      purl: "pkg:npm/c@2.0.0",
      hashes: [{ alg: "SHA-512", content: "00ff" }],
    },
  ]);
});
