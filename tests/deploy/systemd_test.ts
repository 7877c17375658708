import assert from "node:assert/strict";

const read = (path: string) =>
  Deno.readTextFileSync(new URL(`../../deploy/systemd/${path}`, import.meta.url));
const UNIT = read("vllm-router.service");
const CHECKOUT = read("checkout.conf");

Deno.test("systemd waits until the router listens, and restarts it if it hangs", () => {
  for (const line of ["Type=notify", "NotifyAccess=main", "Restart=on-failure"]) {
    assert.ok(UNIT.includes(`\n${line}\n`), line);
  }
  assert.match(UNIT, /^WatchdogSec=\d+$/m);
  assert.match(UNIT, /^EnvironmentFile=-\/etc\/vllm-router\/environment$/m);
  // Without it, the socket of systemd could not be reached.
  assert.match(UNIT, /^RestrictAddressFamilies=.*\bAF_UNIX\b/m);
});

Deno.test("systemd makes the folders that the router may write", () => {
  const { tasks } = JSON.parse(
    Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
  );
  for (const [key, folder] of [["LogsDirectory", "/var/log"], ["StateDirectory", "/var/lib"]]) {
    const [, name] = RegExp(`^${key}=(.+)$`, "m").exec(UNIT)!;
    assert.match(tasks.executable, RegExp(`--allow-write=(\\S+,)?${folder}/${name},`));
  }
});

Deno.test("in a checkout, the router may notify systemd as a child of `deno task`", () => {
  assert.match(CHECKOUT, /^NotifyAccess=all$/m);
  const [, checkout] = /^ExecStart=\S+\/deno task start (.+)$/m.exec(CHECKOUT)!;
  const [, executable] = /^ExecStart=\S+\/vllm-router run (.+)$/m.exec(UNIT)!;
  assert.equal(checkout, executable);
  // An empty one first: otherwise the unit would have two commands.
  assert.match(CHECKOUT, /^ExecStart=\nExecStart=/m);
});

Deno.test({
  name: "systemd-analyze finds no fault in the unit, with and without the drop-in",
  ignore: !hasAnalysis(),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      // It wants programs that exist.
      const runnable = (text: string) => text.replaceAll(/^(ExecStart=)\/\S+/gm, "$1/bin/true");
      const unit = `${folder}/vllm-router.service`;
      await Deno.writeTextFile(unit, runnable(UNIT));
      assert.equal(await verify(unit), "");
      await Deno.mkdir(`${unit}.d`);
      await Deno.writeTextFile(`${unit}.d/checkout.conf`, runnable(CHECKOUT));
      assert.equal(await verify(unit), "");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function verify(unit: string): Promise<string> {
  const { stderr } = await new Deno.Command("systemd-analyze", {
    args: ["verify", "--man=no", unit],
    env: { LANG: "C" },
  }).output();
  return new TextDecoder().decode(stderr);
}

/** Whether the program is installed; tests/deploy/hardening_test.ts prints how to install it. */
function hasAnalysis(): boolean {
  try {
    return new Deno.Command("systemd-analyze", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
