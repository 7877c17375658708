import assert from "node:assert/strict";
import { fences, files, pages, read, samples } from "./pages.ts";
import { output } from "./programs.ts";
import { accepted, filesInConfigMaps } from "./samples.ts";

/** Languages of samples; `""` is for formulas and drawings. */
const LANGUAGES: readonly string[] = [
  "",
  "haproxy",
  "ini",
  "js",
  "json",
  "nginx",
  "python",
  "sh",
  "toml",
  "yaml",
];

Deno.test("every TOML sample is a valid configuration without warnings", () => {
  const texts = pages.map(read).flatMap((text) => [
    ...samples(text, "toml"),
    ...samples(text, "yaml").flatMap(filesInConfigMaps),
  ]);
  assert.ok(texts.length >= 9, `only ${texts.length}`);
  for (const text of [...texts, read("servers.example.toml")]) accepted(text);
});

Deno.test("every YAML sample can be parsed", async () => {
  const texts = pages.map(read).flatMap((text) => samples(text, "yaml"));
  assert.ok(texts.length >= 2, `only ${texts.length}`);
  for (const text of texts) {
    const { code, stderr } = await output(Deno.execPath(), ["fmt", "--ext", "yaml", "-"], text);
    assert.equal(code, 0, `${stderr}\n${text}`);
  }
});

Deno.test("every JSON sample can be parsed, and so can every body that curl sends", () => {
  const texts = pages.map(read);
  const bodies = texts.flatMap((text) => samples(text, "sh"))
    .flatMap((text) => [...text.matchAll(/ -d '([^']*)'/g)].map(([, body]) => body!));
  assert.ok(bodies.length >= 2, `only ${bodies.length}`);
  for (const text of [...bodies, ...texts.flatMap((text) => samples(text, "json"))]) {
    JSON.parse(text);
  }
});

Deno.test("every sample has a known language", () => {
  const unknown = pages.flatMap((page) =>
    fences(read(page)).filter(([language]) => !LANGUAGES.includes(language))
      .map(([language]) => `${page}: ${language}`)
  );
  assert.deepEqual(unknown, []);
});

Deno.test("no file contains a machine path, a registry host or a non-npm package", () => {
  const unwanted = [
    /(?<![\w.-])\/(?:work|root)\//,
    /registry\.npmjs/,
    /["'`]jsr:/,
    /from ["']https?:/,
  ];
  const found = files().flatMap((path) => {
    const text = read(path);
    return unwanted.filter((pattern) => pattern.test(text)).map((pattern) => `${path}: ${pattern}`);
  });
  assert.deepEqual(found, []);
});
