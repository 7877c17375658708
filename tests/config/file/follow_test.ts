import assert from "node:assert/strict";
import type { Config } from "../../../src/config/config.ts";
import { followConfig, type Follower } from "../../../src/config/file/follow.ts";
import type { Diagnostic } from "../../../src/config/schema.ts";
import { until } from "../../support/until.ts";

/**
 * A change takes effect within a second; a slow machine may take longer. Files are also read at an
 * interval, which is a minute here.
 */
const SOON_MS = 20_000;

function fileOf(url: string): string {
  return `[servers]\nservers = [{ url = "${url}" }]\n`;
}

interface Followed {
  readonly folder: string;
  readonly path: string;
  readonly follower: Follower;
  readonly configs: Config[];
  readonly problems: (readonly Diagnostic[])[];
  readonly lastUrl: () => string | undefined;
}

/** Follows a file in a new folder; `prepare` can replace it, for example by a symlink. */
async function following(
  use: (followed: Followed) => Promise<void>,
  { pollMs = 60_000, prepare }: {
    pollMs?: number;
    prepare?: (folder: string, path: string, text: string) => Promise<void>;
  } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/servers.toml`;
  const text = fileOf("http://before");
  if (prepare) await prepare(folder, path, text);
  else await Deno.writeTextFile(path, text);
  const configs: Config[] = [];
  const problems: (readonly Diagnostic[])[] = [];
  const follower = followConfig({
    onError: (error) => assert.fail(String(error)),
    path,
    text,
    files: [],
    pollMs: () => pollMs,
    onConfig: (config) => void configs.push(config),
    onProblems: (found) => void problems.push(found),
  });
  try {
    await use({
      folder,
      path,
      follower,
      configs,
      problems,
      lastUrl: () => configs.at(-1)?.servers[0]?.url,
    });
  } finally {
    follower.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an in-place edit takes effect within a second", () =>
  following(async ({ path, lastUrl }) => {
    await Deno.writeTextFile(path, fileOf("http://after"));
    await until("the change takes effect", () => lastUrl() === "http://after", SOON_MS);
    await Deno.writeTextFile(path, fileOf("http://later"));
    await until("the second change takes effect", () => lastUrl() === "http://later", SOON_MS);
  }));

Deno.test("each of several atomic renames takes effect within a second", () =>
  following(async ({ folder, path, lastUrl }) => {
    for (const url of ["http://one", "http://two", "http://three"]) {
      await Deno.writeTextFile(`${folder}/.new`, fileOf(url));
      await Deno.rename(`${folder}/.new`, path);
      await until(`${url} taken`, () => lastUrl() === url, SOON_MS);
    }
  }));

/** Updates a ConfigMap like the kubelet: creates a new folder, and renames a link over `..data`. */
async function swapConfigMap(
  folder: string,
  version: string,
  text: string,
): Promise<void> {
  await Deno.mkdir(`${folder}/..${version}`);
  await Deno.writeTextFile(`${folder}/..${version}/servers.toml`, text);
  await Deno.symlink(`..${version}`, `${folder}/..data_tmp`);
  await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
}

Deno.test("each of several symlink swaps of a ConfigMap takes effect within a second", () =>
  following(async ({ folder, lastUrl }) => {
    for (const version of [2, 3, 4]) {
      const url = `http://version-${version}`;
      await swapConfigMap(folder, `v${version}`, fileOf(url));
      await Deno.remove(`${folder}/..v${version - 1}`, { recursive: true });
      await until(`${url} taken`, () => lastUrl() === url, SOON_MS);
    }
  }, {
    prepare: async (folder, path, text) => {
      await swapConfigMap(folder, "v1", text);
      await Deno.symlink("..data/servers.toml", path);
    },
  }));

Deno.test("an edit of the symlink's target in another folder takes effect", () =>
  following(async ({ folder, lastUrl }) => {
    await Deno.writeTextFile(`${folder}/real/a.toml`, fileOf("http://after"));
    await until("the change takes effect", () => lastUrl() === "http://after", SOON_MS);
  }, {
    prepare: async (folder, path, text) => {
      await Deno.mkdir(`${folder}/real`);
      await Deno.writeTextFile(`${folder}/real/a.toml`, text);
      await Deno.symlink("real/a.toml", path);
    },
  }));

Deno.test("an edit of a symlink's new target takes effect", () =>
  following(async ({ folder, path, lastUrl }) => {
    await Deno.mkdir(`${folder}/other`);
    await Deno.writeTextFile(`${folder}/other/b.toml`, fileOf("http://linked"));
    await Deno.symlink("other/b.toml", `${folder}/.new`);
    await Deno.rename(`${folder}/.new`, path);
    await until("the new link takes effect", () => lastUrl() === "http://linked", SOON_MS);
    await Deno.writeTextFile(`${folder}/other/b.toml`, fileOf("http://after"));
    await until("the edit takes effect", () => lastUrl() === "http://after", SOON_MS);
  }, {
    prepare: async (folder, path, text) => {
      await Deno.mkdir(`${folder}/real`);
      await Deno.writeTextFile(`${folder}/real/a.toml`, text);
      await Deno.symlink("real/a.toml", path);
    },
  }));

Deno.test("an invalid file is reported and changes nothing; a later valid one takes effect", () =>
  following(async ({ path, configs, problems, lastUrl }) => {
    await Deno.writeTextFile(path, `[servers]\nservers = []\n`);
    await until("the problem is reported", () => problems.length > 0, SOON_MS);
    assert.deepEqual(problems[0]?.map(({ where }) => where), [
      `${path}: servers.servers`,
    ]);
    assert.deepEqual(configs, []);

    // Atomically: a file written in place may be read half-written, which is reported as well.
    await Deno.writeTextFile(`${path}.new`, fileOf("http://after"));
    await Deno.rename(`${path}.new`, path);
    await until("the change takes effect", () => lastUrl() === "http://after", SOON_MS);
    assert.equal(problems.length, 1);
  }));

Deno.test("a removed file is reported, and takes effect when it is back", () =>
  following(async ({ path, problems, lastUrl }) => {
    await Deno.remove(path);
    await until("the problem is reported", () => problems.length > 0, SOON_MS);
    assert.equal(problems[0]?.[0]?.where, path);
    await Deno.writeTextFile(path, fileOf("http://back"));
    await until("the change takes effect", () => lastUrl() === "http://back", SOON_MS);
  }));

Deno.test("changes to other files in the folder cause no reload", () =>
  following(async ({ folder, path, configs, lastUrl }) => {
    await Deno.writeTextFile(`${folder}/notes.txt`, "nothing of interest");
    await Deno.writeTextFile(`${folder}/.same`, fileOf("http://before"));
    await Deno.rename(`${folder}/.same`, path);
    await Deno.writeTextFile(`${folder}/more.txt`, "nothing either");
    await Deno.writeTextFile(path, fileOf("http://after"));
    await until("the change takes effect", () => lastUrl() === "http://after", SOON_MS);
    assert.equal(configs.length, 1);
  }));

Deno.test("the poll detects changes that the watch misses", () =>
  following(async ({ folder, lastUrl }) => {
    // The path is a hard link. The watch covers its folder, but this write is in another one.
    await Deno.writeTextFile(`${folder}/far/deep.toml`, fileOf("http://after"));
    await until("the change takes effect", () => lastUrl() === "http://after", SOON_MS);
  }, {
    pollMs: 20,
    prepare: async (folder, path, text) => {
      await Deno.mkdir(`${folder}/far`);
      await Deno.writeTextFile(`${folder}/far/deep.toml`, text);
      await Deno.link(`${folder}/far/deep.toml`, path);
    },
  }));

Deno.test("reload applies the file at once, changed or not", () =>
  following(async ({ follower, configs }) => {
    await follower.reload();
    assert.equal(configs.length, 1);
    await follower.reload();
    assert.equal(configs.length, 2);
  }));

Deno.test("after stop, changes have no effect", () =>
  following(async ({ path, follower, configs }) => {
    follower.stop();
    await Deno.writeTextFile(path, fileOf("http://after"));
    await follower.reload();
    assert.deepEqual(configs, []);
  }));

Deno.test("a temporarily unreadable file is reported, and following continues", () =>
  following(async ({ path, problems, lastUrl }) => {
    await Deno.remove(path);
    await Deno.symlink("servers.toml", path);
    await until("the problem is reported", () => problems.length > 0, SOON_MS);
    await Deno.remove(path);
    await Deno.writeTextFile(path, fileOf("http://back"));
    await until("the change takes effect", () => lastUrl() === "http://back", SOON_MS);
  }));
