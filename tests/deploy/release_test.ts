import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));
const { tasks } = JSON.parse(read("deno.json"));
const release = read(".github/workflows/release.yml");
const dockerfile = read("deploy/Dockerfile");
const installer = read("deploy/install.sh");

/** Every executable that `deno task compile:all` writes, with its target. */
const built = [...tasks["compile:all"].matchAll(/--output dist\/(\S+) --target (\S+)/g)]
  .map(([, file, target]) => ({ file: file!, target: target! }));
const files = built.map(({ file }) => file).sort();

Deno.test("executables are built for five targets, one each", () => {
  assert.deepEqual(Object.fromEntries(built.map(({ file, target }) => [file, target])), {
    "vllm-router-linux-x64": "x86_64-unknown-linux-gnu",
    "vllm-router-linux-arm64": "aarch64-unknown-linux-gnu",
    "vllm-router-macos-x64": "x86_64-apple-darwin",
    "vllm-router-macos-arm64": "aarch64-apple-darwin",
    "vllm-router-windows-x64.exe": "x86_64-pc-windows-msvc",
  });
  assert.equal(built.length, tasks["compile:all"].split(" && ").length);
});

Deno.test("`deno task compile` writes the file that is documented and that the image takes", () => {
  assert.match(tasks.compile, / --output dist\/vllm-router main\.ts$/);
  assert.match(dockerfile, /^COPY --from=build .* \/build\/dist\/vllm-router /m);
  const next = ["README.md", "README.zh.md", "docs/deployment.md"].map((page) =>
    /^npx -y deno@\S+ task compile\n(.*)$/m.exec(read(page))?.[1]
  );
  for (const line of next) assert.match(line!, /^\.\/dist\/vllm-router /);
});

Deno.test("a release tries each executable on its own system before anything is published", () => {
  const tried = [...release.matchAll(/\{ executable: (\S+), runner: \S+ \}/g)]
    .map(([, file]) => file);
  assert.deepEqual(tried.sort(), files);
  assert.match(job("image"), /^ {4}needs: try$/m);
  assert.match(job("publish"), /^ {4}needs: \[try, image\]$/m);
  for (const name of ["executables", "try", "image"]) {
    assert.doesNotMatch(job(name), /gh release|imagetools|contents: write/, name);
  }
});

Deno.test("the checksums of a release cover all its other files, which are all uploaded", () => {
  const [, list] = /run: sha256sum (.+) \| tee SHA256SUMS$/m.exec(release)!;
  const patterns = list!.split(" ").map((glob) => new RegExp(`^${glob.replace("*", ".*")}$`));
  const written = [...release.matchAll(/> dist\/(\S+)$/gm)].map(([, file]) => file!);
  assert.deepEqual(written.sort(), ["install.sh", "vllm-router.cdx.json"]);
  for (const file of [...files, ...written]) {
    assert.ok(patterns.some((pattern) => pattern.test(file)), file);
  }
  assert.match(release, /gh release create .* dist\/\*$/m);
  assert.match(release, /subject-checksums: dist\/SHA256SUMS$/m);
  // Whatever is written after the checksums would not be in them.
  assert.ok(release.lastIndexOf("> dist/") < release.indexOf("sha256sum"));
});

Deno.test("the installer takes files that a release has, and the release fills its blanks", () => {
  const blanks = [...installer.matchAll(/@[A-Z]+@/g)].map(([blank]) => blank);
  assert.deepEqual(blanks, ["@REPOSITORY@", "@VERSION@"]);
  for (const blank of blanks) assert.ok(release.includes(`"s|${blank}|$`), blank);
  const systems = [...installer.matchAll(/os=(\w+)/g)].map(([, os]) => os);
  const cpus = [...installer.matchAll(/cpu=(\w+)/g)].map(([, cpu]) => cpu);
  const taken = systems.flatMap((os) => cpus.map((cpu) => `vllm-router-${os}-${cpu}`));
  assert.deepEqual(taken.sort(), files.filter((file) => !file.endsWith(".exe")));
});

Deno.test("the image is built for two architectures, labelled, and has to be healthy", () => {
  const image = job("image");
  const architectures = [...image.matchAll(/\{ arch: (\w+), runner: (\S+) \}/g)];
  assert.deepEqual(architectures.map(([, arch]) => arch), ["amd64", "arm64"]);
  for (const [, arch] of architectures) assert.ok(job("publish").includes(`$version-${arch}`));
  const instructions = dockerfile.replaceAll(/^#.*$/gm, "");
  assert.doesNotMatch(instructions, /amd64|x86_64|aarch64|TARGETARCH|--platform/);

  const labels = [...`${dockerfile}${image}`.matchAll(/org\.opencontainers\.image\.([a-z.]+)=/g)]
    .map(([, name]) => name);
  assert.deepEqual(labels.sort(), [
    "base.name",
    "created",
    "description",
    "licenses",
    "revision",
    "source",
    "title",
    "version",
  ]);
  const last = dockerfile.split(/^FROM /m).at(-1)!;
  assert.match(last, /^HEALTHCHECK .*\\\n +CMD \["vllm-router", "health",/m);
  assert.match(image, /test "\$health" = healthy/);
});

Deno.test("all workflows and the image use the same Deno, and only npm to get it", () => {
  const versions = [
    ".github/workflows/release.yml",
    ".github/workflows/nightly.yml",
    "deploy/Dockerfile",
  ]
    .flatMap((path) => [...read(path).matchAll(/deno@(\S+)/g)].map(([, version]) => version));
  const [, pinned] = /^DENO_VERSION=(.*)$/m.exec(read(".ci/run"))!;
  assert.ok(versions.length >= 3);
  assert.deepEqual([...new Set(versions)], [pinned]);
  for (const { name } of Deno.readDirSync(new URL(".github/workflows/", ROOT))) {
    const text = read(`.github/workflows/${name}`);
    assert.match(text, /^permissions:\n {2}contents: read$/m, name);
    for (const [, action] of text.matchAll(/uses: (\S+)/g)) {
      assert.match(action!, /^actions\/[a-z-]+@v\d+$/, name);
    }
  }
});

Deno.test({
  name: "actionlint finds no fault in the workflows",
  ignore: !hasActionlint(),
  async fn() {
    const folder = new URL(".github/workflows/", ROOT);
    const paths = [...Deno.readDirSync(folder)].map(({ name }) => new URL(name, folder).pathname);
    const { stdout } = await new Deno.Command("actionlint", { args: paths }).output();
    assert.equal(new TextDecoder().decode(stdout), "");
  },
});

/** Whether the program is installed; otherwise prints how to install it. */
function hasActionlint(): boolean {
  try {
    new Deno.Command("actionlint", { args: ["--version"] }).outputSync();
    return true;
  } catch {
    console.log(
      "actionlint is not installed, a test is ignored: " +
        "go install github.com/rhysd/actionlint/cmd/actionlint@latest",
    );
    return false;
  }
}

/** The text of a job of the release. */
function job(name: string): string {
  const jobs = release.slice(release.indexOf("\njobs:\n")).split(/^ {2}(?=[a-z]+:$)/m).slice(1);
  return jobs.find((text) => text.startsWith(`${name}:`))!;
}
