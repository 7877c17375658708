import assert from "node:assert/strict";
import { keysOfRest, readKeys } from "../../../src/monitor/terminal/keys.ts";
import { firstUi, handleKey, sorts } from "../../../src/monitor/terminal/ui.ts";

const ui = firstUi(false);
const extent = { rows: 200, page: 10 };
const offsetAfter = (offset: number, key: string, of = extent) =>
  handleKey({ ...ui, offset }, key, of).offset;

Deno.test("characters and sequences are parsed as keys", () => {
  assert.deepEqual(readKeys("q?\x03sé🚀"), {
    keys: ["q", "?", "ctrl-c", "s", "é", "🚀"],
    rest: "",
  });
  assert.deepEqual(
    readKeys("\x1b[A\x1b[B\x1b[5~\x1b[6~\x1b[H\x1b[F\x1bOA\x1bOF\x1b[1~\x1b[4~").keys,
    ["up", "down", "page up", "page down", "home", "end", "up", "end", "home", "end"],
  );
  assert.deepEqual(readKeys("\x1b[1;5Cq").keys, ["unknown", "q"]);
});

Deno.test("a sequence may arrive in parts", () => {
  const sequence = "\x1b[5~";
  for (let at = 1; at < sequence.length; at++) {
    const first = readKeys("s" + sequence.slice(0, at));
    assert.deepEqual(first, { keys: ["s"], rest: sequence.slice(0, at) });
    assert.deepEqual(readKeys(first.rest + sequence.slice(at)), { keys: ["page up"], rest: "" });
  }
});

Deno.test("an escape character that nothing follows is the escape key", () => {
  assert.deepEqual(keysOfRest(readKeys("\x1b").rest), ["escape"]);
  assert.deepEqual(readKeys("\x1bq").keys, ["escape", "q"]);
  assert.deepEqual(keysOfRest(""), []);
});

Deno.test("keys scroll, but not past the end", () => {
  assert.equal(offsetAfter(0, "down"), 1);
  assert.equal(offsetAfter(5, "up"), 4);
  assert.equal(offsetAfter(0, "up"), 0);
  assert.equal(offsetAfter(0, "page down"), 10);
  assert.equal(offsetAfter(185, "page down"), 190);
  assert.equal(offsetAfter(5, "page up"), 0);
  assert.equal(offsetAfter(0, "end"), 190);
  assert.equal(offsetAfter(190, "home"), 0);
  assert.equal(offsetAfter(190, "down"), 190);
  assert.equal(offsetAfter(0, "end", { rows: 3, page: 10 }), 0);
});

Deno.test("after servers disappear the next key scrolls from the visible position", () => {
  assert.equal(offsetAfter(190, "up", { rows: 50, page: 10 }), 39);
});

Deno.test("s cycles through the orders and scrolls to the top", () => {
  let sorted = { ...ui, offset: 7 };
  for (const sort of [...sorts.slice(1), sorts[0]]) {
    sorted = { ...handleKey(sorted, "s", extent) };
    assert.equal(sorted.sort, sort);
    assert.equal(sorted.offset, 0);
  }
});

Deno.test("f toggles between unhealthy and all servers", () => {
  const filtered = handleKey({ ...ui, offset: 7 }, "f", extent);
  assert.deepEqual(filtered, { ...ui, onlyUnhealthy: true });
  assert.deepEqual(handleKey(filtered, "f", extent), ui);
});

Deno.test("? shows help, and any key only closes it", () => {
  const help = handleKey(ui, "?", extent);
  assert.equal(help.help, true);
  for (const key of ["?", "escape", "s", "down"]) {
    assert.deepEqual(handleKey(help, key, extent), ui);
  }
});

Deno.test("a key without a meaning changes nothing", () => {
  assert.deepEqual(handleKey(ui, "x", extent), ui);
});
