import assert from "node:assert/strict";
import { openStateFile, type StatePart } from "../src/state_file.ts";
import { readState, whyNotWritable, writeState } from "../src/state_disk.ts";
import { until } from "./support/until.ts";

async function withFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The part in a file. */
function partIn(path: string): unknown {
  const saved = readState(path);
  assert.ok(saved && "parts" in saved, JSON.stringify(saved));
  return saved.parts.part;
}

/** A part that holds any JSON, and collects what is reported. */
function opened(path: string, first: unknown = 0, everyMs?: number) {
  const state = { value: first };
  const reports: string[] = [];
  const part: StatePart = {
    save: () => [JSON.stringify(state.value)],
    restore(saved) {
      if (saved === "refused") return "value: expected another one";
      state.value = saved;
      return undefined;
    },
  };
  const file = openStateFile({
    path: () => path,
    parts: { part },
    onRestored: (path, ageMs) => void reports.push(`${path} restored, ${ageMs < 60_000}`),
    onProblem: (path, problem) => void reports.push(`${path} ${problem}`),
    ...(everyMs !== undefined && { everyMs }),
  });
  return { state, reports, file };
}

Deno.test("parts outlive the router, in a file that only its user may read", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    const first = opened(path, { some: "state" });
    await first.file.close();
    assert.deepEqual(first.reports, []);
    if (Deno.build.os !== "windows") assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    const second = opened(path);
    assert.deepEqual(second.state.value, { some: "state" });
    assert.deepEqual(second.reports, [`${path} restored, true`]);
    await second.file.close();
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["state.json"]);
  }));

Deno.test("parts that nobody knows are left alone, and missing ones are not restored", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    Deno.writeTextFileSync(path, '{"version":1,"other":{"x":1}}');
    const { state, reports, file } = opened(path, "as it starts");
    assert.equal(state.value, "as it starts");
    assert.deepEqual(reports, [`${path} restored, true`]);
    await file.close();
  }));

Deno.test("a file is written again only if something has changed", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    const { state, file } = opened(path, 1, 1);
    const written = () => Deno.statSync(path).ino;
    await until("it is written", () => readState(path) !== undefined);
    const first = written();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(written(), first);
    state.value = 2;
    await until("it is written again", () => written() !== first);
    assert.equal(partIn(path), 2);
    await file.close();
  }));

Deno.test("a change that must not wait is written at once, also while the file is being written", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    const { state, file } = opened(path, 1);
    state.value = 2;
    file.saveNow();
    await until("it is written", () => readState(path) !== undefined && partIn(path) === 2);
    for (const value of [3, 4, 5]) {
      state.value = value;
      file.saveNow();
      await Promise.resolve();
    }
    await until("the last one is written", () => partIn(path) === 5);
    await file.close();
  }));

Deno.test("another path applies from the next write on, and without a path nothing is written", () =>
  withFolder(async (folder) => {
    let path: string | undefined = undefined;
    const open = () =>
      openStateFile({
        path: () => path,
        parts: { part: { save: () => ["1"], restore: () => undefined } },
        onRestored: assert.fail,
        onProblem: assert.fail,
      });
    await open().close();
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    const file = open();
    path = `${folder}/state.json`;
    await file.close();
    assert.equal(partIn(path), 1);
  }));

for (
  const [what, text, reason] of [
    ["broken", '{"version":1,"part":{"a', "it isn't valid JSON"],
    ["empty", "", "it isn't valid JSON"],
    ["of another kind", "[1]", "it has no version"],
    ["of a newer version", '{"version":2,"part":1}', "expected version 1, got 2"],
    [
      "invalid in a part",
      '{"version":1,"part":"refused"}',
      "part.value: expected another one",
    ],
  ] as const
) {
  Deno.test(`a file that is ${what} is reported once, not used and overwritten later`, () =>
    withFolder(async (folder) => {
      const path = `${folder}/state.json`;
      Deno.writeTextFileSync(path, text);
      const { state, reports, file } = opened(path, "as it starts");
      assert.deepEqual(reports, [
        `${path} is not used, and will be overwritten: ${reason}`,
      ]);
      assert.equal(state.value, "as it starts");
      await file.close();
      assert.equal(reports.length, 1);
      assert.equal(partIn(path), "as it starts");
    }));
}

Deno.test("a file of more than 64 MiB, or what is no file, is not read", () =>
  withFolder((folder) => {
    const path = `${folder}/state.json`;
    using file = Deno.openSync(path, { write: true, create: true });
    file.truncateSync(64 * 1024 * 1024 + 1);
    assert.deepEqual(readState(path), { problem: "it is larger than 64 MiB" });
    assert.deepEqual(readState(folder), { problem: "it is no file" });
    assert.equal(readState(`${folder}/none.json`), undefined);
  }));

Deno.test("a file from the future counts as just written", () =>
  withFolder((folder) => {
    const path = `${folder}/state.json`;
    const ageOf = (savedAt: unknown) => {
      Deno.writeTextFileSync(path, JSON.stringify({ version: 1, savedAt }));
      return (readState(path) as { ageMs: number }).ageMs;
    };
    assert.equal(ageOf("2999-01-01T00:00:00Z"), 0);
    assert.equal(ageOf({ no: "time" }), 0);
    assert.ok(ageOf("2020-01-01T00:00:00Z") > 1e10);
  }));

Deno.test("a write that fails is reported once, until it worked or the reason changes", () =>
  withFolder(async (folder) => {
    const path = `${folder}/gone/state.json`;
    const { state, reports, file } = opened(path, 0, 1);
    const missing = `${path} can't be written: there is no folder ${folder}/gone`;
    assert.deepEqual(reports, [missing], "reported at the start");
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(reports, [missing]);
    Deno.mkdirSync(`${folder}/gone`);
    await until("it is written", () => readState(path) !== undefined);
    Deno.removeSync(`${folder}/gone`, { recursive: true });
    state.value = 1;
    await until("it is reported again", () => reports.length > 1);
    Deno.writeTextFileSync(`${folder}/gone`, "no folder");
    await until("the new reason is reported", () => reports.length > 2);
    await file.close();
    assert.equal(reports[1], missing);
    assert.match(reports[2]!, /Not a directory/);
  }));

Deno.test("a failed write leaves the old file and no other", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.json`;
    await writeState(path, [',"part":1']);
    Deno.mkdirSync(`${path}.tmp`);
    Deno.writeTextFileSync(`${path}.tmp/x`, "");
    await assert.rejects(writeState(path, [',"part":2']));
    assert.equal(partIn(path), 1);
    Deno.removeSync(`${path}.tmp`, { recursive: true });
    // What a killed router has left is no obstacle, nor is it followed.
    if (Deno.build.os !== "windows") Deno.symlinkSync(`${folder}/elsewhere`, `${path}.tmp`);
    await writeState(path, [',"part":3']);
    assert.equal(partIn(path), 3);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["state.json"]);
  }));

Deno.test("whether a file can be written is tried without leaving anything", () =>
  withFolder((folder) => {
    assert.equal(whyNotWritable(`${folder}/state.json`), undefined);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    Deno.writeTextFileSync(`${folder}/file`, "");
    assert.equal(whyNotWritable(`${folder}/file/state.json`), `${folder}/file is no folder`);
    assert.equal(whyNotWritable(`${folder}/a/state.json`), `there is no folder ${folder}/a`);
  }));
