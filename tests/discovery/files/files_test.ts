import assert from "node:assert/strict";
import { startFiles } from "../../../src/discovery/files/files.ts";
import { until } from "../../support/until.ts";
import { noteReports } from "../reports.ts";

const ENTRY = { scheme: "http", defaults: { capacity: 3 } } as const;

/** A folder that is removed at the end. */
function temporaryFolder() {
  const path = Deno.makeTempDirSync();
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

const follow = (...patterns: string[]) =>
  noteReports(startFiles({ kind: "files", patterns }, ENTRY));

const targets = (...hosts: string[]) => JSON.stringify([{ targets: hosts.map((at) => `${at}:1`) }]);

/** Replaces a file as careful writers do. */
function replace(path: string, text: string): void {
  Deno.writeTextFileSync(`${path}.new`, text);
  Deno.renameSync(`${path}.new`, path);
}

Deno.test("a file written in place, or replaced by a rename, is read again at once", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/a.json`;
  Deno.writeTextFileSync(file, targets("a"));
  await using found = follow(file);
  await found.has("http://a:1");
  Deno.writeTextFileSync(file, targets("a", "b"));
  await found.has("http://a:1", "http://b:1");
  replace(file, targets("c"));
  await found.has("http://c:1");
  replace(file, targets("d"));
  await found.has("http://d:1");
});

Deno.test("the symlink that Kubernetes flips for a changed ConfigMap is followed", async () => {
  using folder = temporaryFolder();
  const mount = folder.path;
  const write = (version: string, text: string) => {
    Deno.mkdirSync(`${mount}/..${version}`);
    Deno.writeTextFileSync(`${mount}/..${version}/servers.json`, text);
    Deno.symlinkSync(`..${version}`, `${mount}/..data_tmp`);
    Deno.renameSync(`${mount}/..data_tmp`, `${mount}/..data`);
  };
  write("1", targets("a"));
  Deno.symlinkSync("..data/servers.json", `${mount}/servers.json`);
  await using found = follow(`${mount}/*.json`);
  await found.has("http://a:1");
  for (const version of ["2", "3"]) {
    write(version, targets(`v${version}`));
    Deno.removeSync(`${mount}/..${Number(version) - 1}`, { recursive: true });
    await found.has(`http://v${version}:1`);
  }
  assert.equal(found.failure, undefined);
});

Deno.test("files that come to match a glob are read, and those that go take their servers away", async () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/b.json`, targets("b"));
  Deno.writeTextFileSync(`${folder.path}/other.txt`, "no JSON");
  await using found = follow(`${folder.path}/*.json`, `${folder.path}/only.yaml`);
  await found.has("http://b:1");
  Deno.writeTextFileSync(`${folder.path}/a.json`, targets("a"));
  Deno.writeTextFileSync(`${folder.path}/only.yaml`, "- targets: ['y:1']");
  await found.has("http://a:1", "http://b:1", "http://y:1");
  Deno.removeSync(`${folder.path}/b.json`);
  await found.has("http://a:1", "http://y:1");
  Deno.removeSync(`${folder.path}/a.json`);
  Deno.removeSync(`${folder.path}/only.yaml`);
  await found.has();
  assert.equal(found.failure, undefined);
});

Deno.test("an invalid file keeps what it said, is named, and doesn't touch the others", async () => {
  using folder = temporaryFolder();
  const [a, b] = [`${folder.path}/a.json`, `${folder.path}/b.json`];
  Deno.writeTextFileSync(a, targets("a"));
  Deno.writeTextFileSync(b, targets("b"));
  await using found = follow(`${folder.path}/*.json`);
  await found.has("http://a:1", "http://b:1");
  replace(a, '[{"targets": ["new:1", 3]}]');
  await found.fails(`${a}: [0].targets[1]: expected a target such as`);
  assert.deepEqual(found.urls, ["http://a:1", "http://b:1"]);
  replace(b, targets("b2"));
  await found.has("http://a:1", "http://b2:1");
  await found.fails(a);
  replace(a, targets("new"));
  await found.has("http://new:1", "http://b2:1");
  await until("it can be read again", () => found.failure === undefined);
});

Deno.test("a file that is emptied, as while it is being written, keeps its servers", async () => {
  using folder = temporaryFolder();
  for (const [name, text] of [["a.json", targets("a")], ["b.yaml", "- targets: ['b:1']"]]) {
    Deno.writeTextFileSync(`${folder.path}/${name}`, text!);
  }
  await using found = follow(`${folder.path}/*.json`, `${folder.path}/*.yaml`);
  await found.has("http://a:1", "http://b:1");
  Deno.writeTextFileSync(`${folder.path}/a.json`, "");
  await found.fails("a.json: not valid JSON");
  Deno.writeTextFileSync(`${folder.path}/b.yaml`, "");
  await found.fails("(and 1 more)");
  assert.deepEqual(found.urls, ["http://a:1", "http://b:1"]);
  Deno.writeTextFileSync(`${folder.path}/a.json`, "[]");
  Deno.writeTextFileSync(`${folder.path}/b.yaml`, "[]");
  await found.has();
  await until("it can be read again", () => found.failure === undefined);
});

Deno.test("a file that is deleted and made again is read again", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/a.json`;
  Deno.writeTextFileSync(file, targets("a"));
  await using found = follow(file);
  await found.has("http://a:1");
  Deno.removeSync(file);
  await found.has();
  Deno.writeTextFileSync(file, targets("b"));
  await found.has("http://b:1");
  assert.equal(found.failure, undefined);
});

Deno.test("a thousand files are read, and one more is a failure that changes no server", async () => {
  using folder = temporaryFolder();
  const write = (i: number) =>
    Deno.writeTextFileSync(`${folder.path}/${String(i).padStart(4, "0")}.json`, targets(`a${i}`));
  for (let i = 1; i <= 1_000; i++) write(i);
  await using found = follow(`${folder.path}/*.json`);
  await until("all were read", () => found.urls?.length === 1_000);
  assert.equal(found.failure, undefined);
  write(0);
  await found.fails("1001 files match, expected at most 1000");
  assert.deepEqual([found.urls!.length, found.urls!.includes("http://a0:1")], [1_000, false]);
  Deno.removeSync(`${folder.path}/1000.json`);
  await until("the new one was read", () => found.urls!.includes("http://a0:1"));
  assert.equal(found.urls!.length, 1_000);
  await until("it can be read again", () => found.failure === undefined);
});

Deno.test("a file that was never valid leaves the others' servers alone", async () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/a.json`, "{");
  await using found = follow(`${folder.path}/*.json`);
  await found.fails("a.json: line 1, column 2: not valid JSON");
  assert.equal(found.urls, undefined);
  Deno.writeTextFileSync(`${folder.path}/b.json`, targets("b"));
  await found.has("http://b:1");
});

Deno.test("a folder that can't be listed keeps its servers", async () => {
  using folder = temporaryFolder();
  const inner = `${folder.path}/servers`;
  Deno.mkdirSync(inner);
  Deno.writeTextFileSync(`${inner}/a.json`, targets("a"));
  Deno.writeTextFileSync(`${folder.path}/b.json`, targets("b"));
  await using found = follow(`${inner}/*.json`, `${folder.path}/b.json`);
  await found.has("http://a:1", "http://b:1");
  Deno.renameSync(inner, `${folder.path}/moved`);
  replace(`${folder.path}/b.json`, targets("b2"));
  await found.fails(`${inner}: no such folder`);
});

Deno.test("a file that is too large is a failure", async () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/a.json`, " ".repeat(1024 * 1024 + 1));
  await using found = follow(`${folder.path}/a.json`);
  await found.fails("a.json: expected at most 1048576 bytes, got 1048577");
});

Deno.test("a path that is no file is a failure", async () => {
  using folder = temporaryFolder();
  Deno.mkdirSync(`${folder.path}/to`);
  Deno.symlinkSync("to", `${folder.path}/a.json`);
  await using found = follow(`${folder.path}/a.json`);
  await found.fails("a.json: expected a file");
});
