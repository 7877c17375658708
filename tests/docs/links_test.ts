import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { headings, pages, proseOf, read, READMES, ROOT } from "./pages.ts";

/** A link in a page: the path of its target, empty for the page itself, and the anchor in it. */
interface Link {
  readonly to: string;
  readonly anchor: string | undefined;
}

function linksIn(page: string): readonly Link[] {
  const prose = proseOf(read(page));
  const targets = [
    ...prose.matchAll(/\]\(([^)\s]+)\)/g),
    ...prose.matchAll(/^\[[^\]]+\]: (\S+)$/gm),
    ...prose.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g),
  ].map(([, target]) => target!);
  return targets.filter((target) => !/^(https?|mailto):/.test(target)).map((target) => {
    const [to, anchor] = target.split("#");
    return { to: to!, anchor };
  });
}

function leadsSomewhere(from: string, { to, anchor }: Link): boolean {
  const target = to === "" ? from : join(dirname(from), to);
  try {
    Deno.statSync(join(ROOT, target));
  } catch {
    return false;
  }
  return anchor === undefined ||
    headings(read(target)).some((heading) => heading.anchor === anchor);
}

Deno.test("every relative link has an existing target", () => {
  const links = pages.flatMap((page) => linksIn(page).map((link) => ({ page, ...link })));
  assert.ok(links.length >= 200, `only ${links.length}`);
  assert.deepEqual(links.filter((link) => !leadsSomewhere(link.page, link)), []);
});

Deno.test("headings of a page have different anchors", () => {
  for (const page of pages.filter((page) => page !== "CHANGELOG.md")) {
    const anchors = headings(read(page)).map(({ anchor }) => anchor);
    assert.deepEqual(anchors.filter((anchor, at) => anchors.indexOf(anchor) !== at), [], page);
  }
});

Deno.test("the index of the documentation and both READMEs lead to every page", () => {
  const inDocs = pages.filter((page) =>
    /^docs\/[^/]+\.md$/.test(page) && page !== "docs/README.md"
  );
  const reached = (from: readonly string[]) =>
    new Set(from.flatMap((page) => linksIn(page).map(({ to }) => join(dirname(page), to))));
  for (const page of inDocs) {
    assert.ok(reached(["docs/README.md"]).has(page), `docs/README.md lacks ${page}`);
    for (const readme of READMES) assert.ok(reached([readme]).has(page), `${readme} lacks ${page}`);
  }
});

Deno.test("every test that docs/reliability.md names exists", () => {
  const text = read("docs/reliability.md");
  const paths = new Map(
    [...text.matchAll(/^\[(\w+)\]: \.\.\/(tests\/.*)$/gm)].map(([, name, path]) => [name!, path!]),
  );
  const named = [...text.matchAll(/\[([^[\]]+)\]\[(\w+)\]/g)];
  assert.ok(named.length >= 40, `only ${named.length}`);
  for (const [, name, file] of named) assert.ok(read(paths.get(file!)!).includes(name!), name);
});
