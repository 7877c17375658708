import assert from "node:assert/strict";
import { openLogFile } from "../../src/monitor/log_file.ts";
import { until } from "../support/until.ts";
import { withFolder } from "./process.ts";

/** At which a file is put aside. */
const FULL_BYTES = 50 * 1024 * 1024;
const KEPT = 14;

/** A file that lacks so many bytes to be full; it takes no space on the disk. */
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

Deno.test("lines are appended, in a folder that is made if it is missing", () =>
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

Deno.test("a full file is put aside, packed, and nothing is lost", () =>
  withFolder(async (folder) => {
    const path = `${folder}/router.log`;
    await almostFull(path, 5);
    const file = await openLogFile(path);
    file.write("the last\n");
    file.write("the first\n");
    await until("it is put aside", () => filesIn(folder).some((name) => name.endsWith(".gz")));
    file.write("the second\n");
    await file.close();
    const [aside, ...more] = filesIn(folder).filter((name) => name.endsWith(".gz"));
    assert.deepEqual(more, []);
    assert.match(aside!, /router\.log/);
    const bytes = await unpacked(`${folder}/${aside}`);
    const tail = new TextDecoder().decode(bytes.slice(FULL_BYTES - 5));
    assert.equal(tail + await Deno.readTextFile(path), "the last\nthe first\nthe second\n");
  }));

Deno.test("a full file of an earlier run is put aside as well", () =>
  withFolder(async (folder) => {
    const path = `${folder}/router.log`;
    await almostFull(path, 0);
    const file = await openLogFile(path);
    file.write("new\n");
    await until("it is put aside", () => filesIn(folder).some((name) => name.endsWith(".gz")));
    await file.close();
    assert.ok((await Deno.stat(path)).size < FULL_BYTES);
  }));

Deno.test("of the files that were put aside so many are kept", () =>
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

Deno.test("what can't be opened is told at once", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await assert.rejects(openLogFile(`${folder}/file/router.log`));
    await assert.rejects(openLogFile(folder));
  }));
