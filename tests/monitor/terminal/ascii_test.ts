import assert from "node:assert/strict";
import { showsOnlyAscii, toAscii } from "../../../src/monitor/terminal/ascii.ts";
import { drawScreen } from "../../../src/monitor/terminal/draw.ts";
import { paletteOf } from "../../../src/monitor/terminal/paint.ts";
import { widthOf } from "../../../src/monitor/terminal/text.ts";
import { firstUi } from "../../../src/monitor/terminal/ui.ts";
import { pointsUntil, viewOf } from "./view.ts";

const only = (variables: Record<string, string>) => showsOnlyAscii((name) => variables[name]);

Deno.test("only a locale without UTF-8, or a type without glyphs, is an ASCII terminal", () => {
  for (const locale of ["C", "POSIX", "en_US.ISO-8859-1"]) assert.ok(only({ LANG: locale }));
  for (const locale of ["C.UTF-8", "en_US.utf8", ""]) assert.ok(!only({ LANG: locale }));
  assert.ok(!only({}));
  assert.ok(only({ LC_ALL: "C", LANG: "en_US.UTF-8" }));
  assert.ok(!only({ LC_ALL: "", LC_CTYPE: "C.UTF-8", LANG: "C" }));
  assert.ok(only({ TERM: "linux", LANG: "C.UTF-8" }));
  assert.ok(!only({ TERM: "xterm-256color" }));
});

Deno.test("a screen in ASCII has the same colours and the same widths", () => {
  const view = viewOf(
    [{ name: "模型-🚀-é", running: 3, kvCacheUsage: null }, { state: "stalled" }],
    {
      totals: { noneHealthySince: 0 },
    },
  );
  const points = pointsUntil(view.at, (age) => ({ requestsPerSecond: age % 50 }));
  const ui = { ...firstUi(false), sort: "usage" } as const;
  const scene = { view, points, detail: undefined };
  const lines = drawScreen(scene, ui, { columns: 100, rows: 40 }, paletteOf(1));
  for (const line of lines) {
    const ascii = toAscii(line);
    // deno-lint-ignore no-control-regex
    assert.match(ascii, /^[\x1b\x20-\x7e]*$/);
    assert.equal(widthOf(ascii), widthOf(line), ascii);
  }
  const text = lines.map(toAscii).join("\n");
  assert.match(text, /##+\.\.\./);
  assert.match(text, /x No server is healthy/);
  assert.match(text, /vusage/);
  assert.match(text, /\?\?\?\?-\?\?-\?/);
});
