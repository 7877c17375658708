import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { logLines, startLogging, withFolder } from "../monitor/process.ts";
import { ask } from "../support/fleet.ts";
import { until } from "../support/until.ts";

const RULES = new URL("../../deploy/logrotate/vllm-router", import.meta.url);
const LOG = "/var/log/vllm-router/router.log";
const RELOAD = "systemctl reload vllm-router";

Deno.test({
  name: "logrotate rotates the log with the shipped rules without losing a line",
  ignore: !hasLogrotate(),
  fn: () =>
    withFolder(async (folder) => {
      await using simulator = await startSimulator({ speed: 20 });
      await Deno.writeTextFile(
        `${folder}/servers.toml`,
        `[servers]\nservers = [{ url = "${simulator.url}" }]`,
      );
      await using router = await startLogging(folder, ["--log-file", "logs/router.log"]);
      const path = `${folder}/logs/router.log`;
      const requestsIn = async (path: string) =>
        logLines(await Deno.readTextFile(path).catch(() => "")).filter((line) => "method" in line)
          .length;

      const rules = await Deno.readTextFile(RULES);
      assert.ok(rules.includes(LOG) && rules.includes(RELOAD));
      const here = rules.replaceAll(LOG, path).replace(RELOAD, `kill -HUP ${router.pid}`);
      await Deno.writeTextFile(`${folder}/rules`, here, { mode: 0o644 });
      for (let round = 1; round <= 3; round++) {
        await (await ask(router.url)).text();
        await until("the line is logged", async () => await requestsIn(path) === 1);
        await logrotate("--force", "--state", `${folder}/state`, `${folder}/rules`);
        await until("a new file is written", () =>
          Deno.stat(path).then(({ size }) => size > 0, () => false));
        assert.deepEqual(await Promise.all([`${path}.1`, path].map(requestsIn)), [1, 0]);
      }
      const names = [...Deno.readDirSync(`${folder}/logs`)].map(({ name }) =>
        name
      ).sort();
      assert.deepEqual(names.slice(-3), ["router.log.1", "router.log.2.gz", "router.log.3.gz"]);
    }),
});

async function logrotate(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("logrotate", { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

/** Whether the program is installed; otherwise prints how to install it. */
function hasLogrotate(): boolean {
  try {
    new Deno.Command("logrotate", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync();
    return true;
  } catch {
    console.log("logrotate is not installed, a test with it is ignored: apt-get install logrotate");
    return false;
  }
}
