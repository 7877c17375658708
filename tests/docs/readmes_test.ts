import assert from "node:assert/strict";
import { codeInTables, fences, headings, proseOf, read, READMES, section } from "./pages.ts";

const [ENGLISH, CHINESE] = READMES.map(read) as [string, string];

Deno.test("both READMEs have the same sections, samples, links and rows of tables", () => {
  const levels = (text: string) => headings(text).map(({ level }) => level);
  const links = (text: string) =>
    [...proseOf(text).matchAll(/\]\(([^)]+)\)|="(docs[^"]+)"/g)].map(([, link, image]) =>
      link ?? image
    ).slice(1).sort();
  const rows = (text: string) => text.match(/^\|/gm)?.length;
  assert.deepEqual(levels(CHINESE), levels(ENGLISH));
  assert.deepEqual(fences(CHINESE), fences(ENGLISH));
  assert.deepEqual(codeInTables(CHINESE), codeInTables(ENGLISH));
  assert.deepEqual(links(CHINESE), links(ENGLISH));
  assert.equal(rows(CHINESE), rows(ENGLISH));
});

Deno.test("a README can be read in one sitting", () => {
  for (const path of READMES) {
    const { size } = Deno.statSync(new URL(`../../${path}`, import.meta.url));
    assert.ok(size > 12_000 && size < 15_500, `${path} has ${size} bytes`);
  }
});

Deno.test("the README's figures stand in the pages that it names for them", () => {
  const why = section(ENGLISH, "why").split(/^- /m).slice(1);
  const figures: readonly (readonly [string, readonly string[]])[] = [
    ["docs/routing.md", ["11 to 17%", "40%", "66%"]],
    ["docs/reliability.md", ["51 chats and 69 completions"]],
    ["docs/reliability.md", ["164,897"]],
    ["docs/performance.md", ["57 µs", "86 µs", "4.0 (", "4.9", "7.9"]],
  ];
  assert.equal(why.length, 5);
  figures.forEach(([page, texts], at) => {
    assert.ok(why[at]!.includes(`(${page}#`), why[at]);
    for (const text of texts) assert.ok(read(page).includes(text), `${page}: ${text}`);
  });
  const clients = section(read("docs/clients.md"), "tried-clients").split("\n")
    .filter((line) => line.startsWith("| ")).slice(2).filter((line) => !line.includes("not run"));
  assert.ok(why[4]!.includes(`${clients.length} clients`), `${clients.length}`);
});

Deno.test("the comparison has the same versions in the README and on its own page", () => {
  const versions = /^\| version .*$/m.exec(ENGLISH)![0].split("|").slice(2, -1)
    .map((cell) => cell.trim());
  const page = section(read("docs/comparison.md"), "versions");
  assert.equal(versions.length, 6);
  for (const version of versions) assert.ok(page.includes(`| ${version}`), version);
});
