import assert from "node:assert/strict";
import { openLogFile } from "../../src/monitor/log_file.ts";
import { until } from "../support/until.ts";
import { withFolder } from "./process.ts";

/** The size at which a file is rotated. */
const FULL_BYTES = 50 * 1024 * 1024;
const KEPT = 14;

/** Makes a sparse file that is full but for `missing` bytes. */
async function almostFull(path: string, missing: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  await file.truncate(FULL_BYTES - missing);
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

async function unpacked(path: string): Promise<Uint8Array> {
  const file = await Deno.open(path);
  const stream = file.readable.pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).bytes();
}

Deno.test("lines are appended, and a missing folder is created", () =>
  withFolder(async (folder) => {
    const path = `${folder}/deep/er/router.log`;
    for (const text of ["one\n", "two\n"]) {
      const file = await openLogFile(path);
      file.write(text);
      await file.close();
    }
    assert.equal(await Deno.readTextFile(path), "one\ntwo\n");
    assert.deepEqual(filesIn(`${folder}/deep/er`), ["router.log"]);
  }));

Deno.test("a full file is rotated and compressed, and nothing is lost", () =>
  withFolder(async (folder) => {
    const path = `${folder}/router.log`;
    await almostFull(path, 5);
    const file = await openLogFile(path);
    file.write("the last\n");
    file.write("the first\n");
    await until("it is rotated", () => filesIn(folder).some((name) => name.endsWith(".gz")));
    file.write("the second\n");
    await file.close();
    const [aside, ...more] = filesIn(folder).filter((name) => name.endsWith(".gz"));
    assert.deepEqual(more, []);
    assert.match(aside!, /router\.log/);
    const bytes = await unpacked(`${folder}/${aside}`);
    const tail = new TextDecoder().decode(bytes.slice(FULL_BYTES - 5));
    assert.equal(tail + await Deno.readTextFile(path), "the last\nthe first\nthe second\n");
  }));

Deno.test("a full file of an earlier run is rotated as well", () =>
  withFolder(async (folder) => {
    const path = `${folder}/router.log`;
    await almostFull(path, 0);
    const file = await openLogFile(path);
    file.write("new\n");
    await until("it is rotated", () => filesIn(folder).some((name) => name.endsWith(".gz")));
    await file.close();
    assert.ok((await Deno.stat(path)).size < FULL_BYTES);
  }));

Deno.test("the number of rotated files kept is limited", () =>
  withFolder(async (folder) => {
    const path = `${folder}/router.log`;
    const packed = () => filesIn(folder).filter((name) => name.endsWith(".gz")).length;
    for (let run = 1; run <= KEPT + 2; run++) {
      await almostFull(path, 0);
      const file = await openLogFile(path);
      file.write("new\n");
      await file.close();
      assert.equal(packed(), Math.min(run, KEPT));
    }
  }));

Deno.test("an error on opening is thrown at once", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await assert.rejects(openLogFile(`${folder}/file/router.log`));
    await assert.rejects(openLogFile(folder));
  }));

Deno.test("after reopening, a moved file is no longer written to, and no line is lost", () =>
  withFolder(async (folder) => {
    const path = `${folder}/router.log`;
    const file = await openLogFile(path);
    file.write("before\n");
    await until("it is written", async () => (await Deno.stat(path)).size > 0);
    await Deno.rename(path, `${folder}/router.log.1`);
    file.write("moved\n");
    const reopened = file.reopen();
    file.write("meanwhile\n");
    await reopened;
    file.write("after\n");
    await file.close();
    const both = await Promise.all(
      ["router.log.1", "router.log"].map((name) => Deno.readTextFile(`${folder}/${name}`)),
    );
    assert.equal(both.join(""), "before\nmoved\nmeanwhile\nafter\n");
    assert.match(both[1]!, /^(meanwhile\n)?after\n$/);
  }));

Deno.test("reopening waits for a rotation in progress, and no line is lost", () =>
  withFolder(async (folder) => {
    const path = `${folder}/router.log`;
    await almostFull(path, 5);
    const file = await openLogFile(path);
    file.write("the last\n");
    const aside = () => filesIn(folder).filter((name) => name.endsWith(".gz")).length;
    await until("it is being rotated", () => aside() > 0);
    const reopened = file.reopen();
    file.write("the first\n");
    await reopened;
    file.write("the second\n");
    await file.close();
    assert.equal(await Deno.readTextFile(path), "the first\nthe second\n");
    assert.equal(aside(), 1);
  }));

Deno.test("a failed reopening is reported, and the old file stays in use", () =>
  withFolder(async (folder) => {
    const { error } = console;
    const told: string[] = [];
    const path = `${folder}/logs/router.log`;
    const file = await openLogFile(path);
    file.write("before\n");
    await until("it is written", async () => (await Deno.stat(path)).size > 0);
    await Deno.rename(`${folder}/logs`, `${folder}/old`);
    await Deno.writeTextFile(`${folder}/logs`, "in the way");
    console.error = (text) => void told.push(text);
    try {
      await file.reopen();
    } finally {
      console.error = error;
    }
    file.write("after\n");
    await file.close();
    assert.match(told.join(), /^error: .*router\.log: /);
    assert.equal(await Deno.readTextFile(`${folder}/old/router.log`), "before\nafter\n");
  }));
