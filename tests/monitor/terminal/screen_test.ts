import assert from "node:assert/strict";
import { paletteOf } from "../../../src/monitor/terminal/paint.ts";
import { openScreen } from "../../../src/monitor/terminal/screen.ts";
import { showFleet } from "../../../src/monitor/terminal/show.ts";
import type { Terminal } from "../../../src/monitor/terminal/terminal.ts";
import { until } from "../../support/until.ts";
import { startProgram } from "./session.ts";
import { hasTmux } from "./tmux.ts";

const CRASH = new URL("./crash.ts", import.meta.url).pathname;
const ENTER = "\x1b[?1049h";
const LEAVE = "\x1b[?1049l";

/** A fake terminal that records all calls. */
function fakeTerminal(write: (text: string) => Promise<void> = () => Promise.resolve()) {
  const typed = new TransformStream<Uint8Array, Uint8Array>();
  const writer = typed.writable.getWriter();
  const written: string[] = [];
  const raw: boolean[] = [];
  const terminal: Terminal = {
    size: () => ({ columns: 80, rows: 24 }),
    setRaw: (on) => void raw.push(on),
    input: typed.readable,
    write(text) {
      written.push(text);
      return write(text);
    },
    writeNow: (text) => void written.push(text),
    onResize: () => () => {},
  };
  return {
    terminal,
    written,
    raw,
    type: (text: string) => writer.write(new TextEncoder().encode(text)),
    hangUp: () => writer.close(),
  };
}

Deno.test("a screen takes over the terminal and restores it once", async () => {
  const fake = fakeTerminal();
  const screen = openScreen(fake.terminal, () => {});
  assert.match(fake.written[0]!, RegExp(RegExp.escape(ENTER)));
  assert.deepEqual(fake.raw, [true]);
  screen.close();
  screen.close();
  await screen.closed;
  assert.equal(fake.written.join("").split(LEAVE).length, 2);
  assert.ok(fake.written.join("").includes("\x1b[?25h"), "the cursor is back");
  assert.deepEqual(fake.raw, [true, false]);
  await fake.hangUp();
});

Deno.test("a frame is one write that clears no more than necessary", async () => {
  const fake = fakeTerminal();
  const screen = openScreen(fake.terminal, () => {});
  screen.show(["one", "two"]);
  assert.equal(
    fake.written.at(-1),
    "\x1b[?2026h\x1b[1;1Hone\x1b[K\r\ntwo\x1b[K\x1b[J\x1b[?2026l",
  );
  screen.close();
  await fake.hangUp();
});

Deno.test("while a frame is being written only the latest is kept", async () => {
  let finish = () => {};
  const fake = fakeTerminal(() => new Promise((resolve) => finish = resolve));
  const screen = openScreen(fake.terminal, () => {});
  for (const line of ["first", "second", "third"]) screen.show([line]);
  finish();
  await until("third is written", () => fake.written.at(-1)!.includes("third"));
  assert.ok(!fake.written.join("").includes("second"));
  finish();
  screen.close();
  await fake.hangUp();
});

Deno.test("a failing write to the terminal closes the screen", async () => {
  const fake = fakeTerminal(() => Promise.reject(new Deno.errors.BrokenPipe("gone")));
  const screen = openScreen(fake.terminal, () => {});
  screen.show(["nobody sees this"]);
  await screen.closed;
  await fake.hangUp();
});

Deno.test("the end of the input closes the screen", async () => {
  const fake = fakeTerminal();
  const screen = openScreen(fake.terminal, () => {});
  await fake.hangUp();
  await screen.closed;
});

Deno.test("a drawing error closes the screen and is logged", async () => {
  const fake = fakeTerminal();
  const said: unknown[] = [];
  const { error } = console;
  console.error = (what) => void said.push(what);
  try {
    const reason = new Error("no view");
    const shown = showFleet({
      terminal: fake.terminal,
      palette: paletteOf(0),
      view: () => {
        throw reason;
      },
      onlyAscii: false,
      detail: () => undefined,
      notice: () => undefined,
      models: false,
      onQuit: () => {},
    });
    await shown.closed;
    assert.deepEqual(said, [reason]);
  } finally {
    console.error = error;
  }
  await fake.hangUp();
});

Deno.test("keys may arrive in parts, and escape after a delay", async () => {
  const fake = fakeTerminal();
  const keys: string[] = [];
  const screen = openScreen(fake.terminal, (key) => void keys.push(key));
  await fake.type("s\x1b");
  await fake.type("[A");
  await fake.type("\x1b");
  await until("all keys", () => keys.length === 3);
  assert.deepEqual(keys, ["s", "up", "escape"]);
  screen.close();
  await fake.hangUp();
});

for (
  const [way, code, said] of [
    ["throw", 1, "thrown on purpose"],
    ["reject", 1, "rejected on purpose"],
    ["exit", 3, "ended with"],
  ] as const
) {
  Deno.test({ name: `the terminal is restored on ${way}`, ignore: !hasTmux() }, async () => {
    await using session = await startProgram(`${CRASH} ${way}`);
    await session.sees("the screen is up");
    await session.terminal.press("x");
    await session.endsRestored(code);
    await session.sees(said);
  });
}
