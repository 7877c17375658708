import assert from "node:assert/strict";

const DEPLOY = new URL("../../deploy/", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, DEPLOY));
const UNIT = "systemd/vllm-router.service";
/** On systemd's scale from 0 (safe) to 10. */
const MOST_EXPOSED = 2;

Deno.test({
  name: "systemd-analyze rates the unit's exposure at 2.0 or less",
  ignore: !hasAnalysis(),
  async fn() {
    const { stdout, stderr } = await new Deno.Command("systemd-analyze", {
      args: ["security", "--offline=true", "--no-pager", new URL(UNIT, DEPLOY).pathname],
      env: { LANG: "C", NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stdout);
    const score = /Overall exposure level for vllm-router.service: ([\d.]+)/.exec(text)?.[1];
    assert.ok(score !== undefined, text + new TextDecoder().decode(stderr));
    assert.ok(Number(score) <= MOST_EXPOSED, text);
  },
});

Deno.test("the unit disables core dumps, which would contain prompts and keys", () => {
  assert.match(read(UNIT), /^LimitCORE=0$/m);
});

Deno.test("the image runs as a non-root user given by number", () => {
  const last = read("Dockerfile").split(/^FROM /m).at(-1)!;
  const [, user, group] = /^USER (\d+):(\d+)$/m.exec(last)!;
  assert.ok(Number(user) > 0 && Number(group) > 0);
  assert.doesNotMatch(last, /^USER root|^USER 0/m);
});

Deno.test("each service in the compose file has a read-only root and no capabilities", () => {
  const compose = read("docker-compose.yml");
  const hardened = /^x-hardened: &hardened\n((?: {2}.*\n)+)/m.exec(compose)![1]!;
  for (
    const line of [
      "read_only: true",
      "cap_drop: [ALL]",
      'security_opt: ["no-new-privileges:true"]',
    ]
  ) assert.ok(hardened.includes(`  ${line}\n`), line);
  assert.match(hardened, /ulimits:\n {4}core: 0\n/);
  const simulated = /^x-simulated: &simulated\n {2}<<: \*hardened\n/m;
  assert.match(compose, simulated);
  const services = compose.slice(compose.indexOf("\nservices:\n")).split(/^ {2}(?=[\w-]+:$)/m)
    .slice(1);
  assert.equal(services.length, 5);
  for (const service of services) assert.match(service, /<<: \*(hardened|simulated)\n/);
  assert.doesNotMatch(compose, /privileged:|cap_add:|network_mode: host|user: root/);
});

Deno.test("Deno always runs with a frozen deno.lock", () => {
  const config = JSON.parse(read("../deno.json"));
  assert.deepEqual(config.lock, { frozen: true });
  assert.match(config.tasks["test:own"], / --frozen /);
  assert.match(config.tasks["test:deno"], / --frozen /);
});

Deno.test("no task checks for runtime updates over the network", () => {
  const { tasks } = JSON.parse(read("../deno.json"));
  for (const [name, text] of Object.entries<string>(tasks)) {
    if (text.startsWith("export DENO_NO_UPDATE_CHECK=1 && ")) continue;
    for (const command of text.split(" && ")) {
      assert.match(command, /^DENO_NO_UPDATE_CHECK=1 /, name);
    }
  }
});

/** Whether the program is installed; otherwise prints how to install it. */
function hasAnalysis(): boolean {
  try {
    new Deno.Command("systemd-analyze", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync();
    return true;
  } catch {
    console.log(
      "systemd-analyze is not installed, a test with it is ignored: apt-get install systemd",
    );
    return false;
  }
}
