import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { until } from "../support/until.ts";
import { logLines, startLogging, withFolder } from "./process.ts";

Deno.test("the log tells what sources have, and when they can't be read, once for each reason", () =>
  withFolder(async (folder) => {
    await using simulator = await startSimulator({ speed: 20 });
    const write = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder}/${name}.new`, text);
      Deno.renameSync(`${folder}/${name}.new`, `${folder}/${name}`);
    };
    const targets = (...urls: string[]) => JSON.stringify([{ targets: urls }]);
    write("servers.json", targets(simulator.url));
    write(
      "servers.toml",
      '[[discovery]]\nname = "one"\nfiles = ["servers.json"]\n' +
        '[[discovery]]\nname = "two"\nfiles = ["other*.json"]\n',
    );
    await using router = await startLogging(folder, []);
    const lines = () =>
      logLines(router.output()).map(({ level, message }) => `${level} ${message}`)
        .filter((line) => /^\w+ (one|two|http)/.test(line));
    const logs = (text: string) => until(text, () => lines().some((line) => line.endsWith(text)));
    await logs("info two: 0 servers (+0, −0)");
    write("servers.json", "[3]");
    await logs(", got 3");
    write("servers.json", targets(simulator.url, "http://127.0.0.1:9"));
    await logs("info one can be read again");
    write("other1.json", targets(simulator.url));
    await logs("what one says of it counts");
    await logs("info two: 1 server (+1, −0)");
    assert.match(router.output(), /Listening on http:\S+, 2 sources from servers\.toml, policy/);
    assert.deepEqual(
      lines().toSorted(),
      [
        "info one can be read again",
        "info one: 1 server (+1, −0)",
        "info one: 2 servers (+1, −0)",
        "info two: 0 servers (+0, −0)",
        "info two: 1 server (+1, −0)",
        `warning ${simulator.url} is in one and in two; what one says of it counts`,
        `warning one can't be read, so what it listed stays: ${folder}/servers.json: [0]: ` +
        'expected a group such as { "targets": ["10.0.0.3:8000"] }, got 3',
      ].toSorted(),
    );
    router.kill("SIGTERM");
    await router.status;
  }));
