import assert from "node:assert/strict";
import { keysOfRest, readKeys } from "../../../src/monitor/terminal/keys.ts";
import { firstUi, handleKey, offsetOf, sorts, type Ui } from "../../../src/monitor/terminal/ui.ts";

const ui = firstUi(false);
const urls = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const extent = { urls: urls(200), page: 10 };
const selectedAfter = (changes: Partial<Ui>, key: string) =>
  handleKey({ ...ui, ...changes }, key, extent).selected;

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

Deno.test("enter is a carriage return or a line feed", () => {
  assert.deepEqual(readKeys("\r\n").keys, ["enter", "enter"]);
});

Deno.test("the first key selects the first visible server", () => {
  assert.equal(selectedAfter({}, "down"), "0");
  assert.equal(selectedAfter({ offset: 7 }, "j"), "7");
  assert.equal(selectedAfter({ offset: 7 }, "up"), "7");
  assert.equal(selectedAfter({ offset: 7 }, "end"), "199");
});

Deno.test("keys move the selection, but not past the end", () => {
  const from = (selected: string, key: string) => selectedAfter({ selected }, key);
  assert.equal(from("5", "down"), "6");
  assert.equal(from("5", "j"), "6");
  assert.equal(from("5", "up"), "4");
  assert.equal(from("5", "k"), "4");
  assert.equal(from("0", "up"), "0");
  assert.equal(from("5", "page down"), "15");
  assert.equal(from("195", "page down"), "199");
  assert.equal(from("5", "page up"), "0");
  assert.equal(from("5", "end"), "199");
  assert.equal(from("199", "down"), "199");
  assert.equal(from("190", "home"), "0");
});

Deno.test("the screen scrolls no further than the selection needs", () => {
  const offsets = (keys: readonly string[]) =>
    keys.reduce((ui, key) => handleKey(ui, key, extent), ui).offset;
  assert.equal(offsets(Array(10).fill("down")), 0);
  assert.equal(offsets(Array(11).fill("down")), 1);
  assert.equal(offsets([...Array(12).fill("down"), "up", "up"]), 2);
  assert.equal(offsets(["end"]), 190);
  assert.equal(offsets(["end", "home"]), 0);
});

Deno.test("the selection stays at its server when the order changes", () => {
  const selected = { ...ui, selected: "3", offset: 0 };
  const reversed = { urls: [...extent.urls].reverse(), page: 10 };
  assert.equal(offsetOf(selected, reversed), 187);
  assert.equal(handleKey(selected, "down", reversed).selected, "2");
});

Deno.test("after servers disappear the screen leaves no row empty", () => {
  assert.equal(offsetOf({ ...ui, offset: 190 }, { urls: urls(50), page: 10 }), 40);
  const gone = { ...ui, offset: 190, selected: "195" };
  assert.equal(handleKey(gone, "down", { urls: urls(50), page: 10 }).selected, "40");
  assert.deepEqual(handleKey(ui, "down", { urls: [], page: 10 }), ui);
});

Deno.test("enter opens the selected server, or the first visible one, and closes it", () => {
  const opened = handleKey({ ...ui, selected: "5" }, "enter", extent);
  assert.deepEqual([opened.page, opened.selected], ["server", "5"]);
  for (const key of ["enter", "escape", "q"]) {
    assert.deepEqual(handleKey(opened, key, extent), { ...ui, selected: "5" });
  }
  assert.equal(handleKey({ ...ui, offset: 7 }, "enter", extent).selected, "7");
  assert.deepEqual(handleKey(ui, "enter", { urls: [], page: 10 }), ui);
});

Deno.test("m and a open the models and the API keys, and close them", () => {
  for (const [key, page] of [["m", "models"], ["a", "keys"]] as const) {
    const opened = handleKey(ui, key, extent);
    assert.equal(opened.page, page);
    for (const close of [key, "escape", "q", "enter"]) {
      assert.deepEqual(handleKey(opened, close, extent), ui);
    }
  }
  assert.equal(handleKey(handleKey(ui, "m", extent), "a", extent).page, "keys");
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
  assert.equal(help.page, "help");
  for (const key of ["?", "escape", "s", "down", "q", "m"]) {
    assert.deepEqual(handleKey(help, key, extent), ui);
  }
});

Deno.test("a key without a meaning changes nothing", () => {
  assert.deepEqual(handleKey(ui, "x", extent), ui);
  const opened = handleKey(ui, "m", extent);
  assert.deepEqual(handleKey(opened, "s", extent), opened);
});
