import assert from "node:assert/strict";
import { baseUrl, curlCommand } from "../../src/monitor/dashboard/address.js";
import { foldOf } from "../../src/monitor/dashboard/fold.js";
import { lasting, percent, smallPercent } from "../../src/monitor/dashboard/format.js";
import { addMarks, marksNear, markText } from "../../src/monitor/dashboard/marks.js";
import { mentions } from "../../src/monitor/dashboard/mention.js";
import { sceneOf } from "./scenes.ts";

const PLACE = { origin: "https://gpu.example", hostname: "gpu.example" };

Deno.test("the API's address is the one that the browser used", () => {
  const address = "http://0.0.0.0:8888";
  assert.equal(baseUrl({ address, isAdminElsewhere: false }, PLACE), "https://gpu.example/v1");
});

Deno.test("beside an admin address, the API's address is the one that is listened on", () => {
  const of = (address: string) => baseUrl({ address, isAdminElsewhere: true }, PLACE);
  assert.equal(of("http://0.0.0.0:8888"), "http://gpu.example:8888/v1");
  assert.equal(of("https://[::]:8443"), "https://gpu.example:8443/v1");
  assert.equal(of("http://10.0.0.1:8888"), "http://10.0.0.1:8888/v1");
});

Deno.test("the command asks a healthy model, with a key if keys are on", () => {
  const { view } = sceneOf(2, "healthy");
  const [first, second] = view.models;
  const models = [{ ...first!, healthy: 0 }, second!];
  const command = curlCommand({ models, keys: view.keys }, "http://gpu:8888/v1");
  assert.ok(command.startsWith("curl http://gpu:8888/v1/chat/completions \\\n"));
  assert.ok(command.includes(`-H "Authorization: Bearer $KEY"`));
  assert.ok(command.includes(`"model":"${second!.name}"`));
  assert.ok(!curlCommand({ models, keys: [] }, "http://gpu/v1").includes("Bearer"));
});

Deno.test("a model's name from outside can't leave the command's quotes", async () => {
  const name = "it's $(id) `id` \u202e\n\\ ünïcode";
  const { view } = sceneOf(2, "healthy");
  const models = [{ ...view.models[0]!, name }];
  const command = curlCommand({ models, keys: [] }, "http://gpu/v1");
  assert.match(command, /^[\x20-\x7e\n]*$/);
  const printing = `curl() { for last; do :; done; printf %s "$last"; }\n${command}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", printing] }).output();
  assert.equal(JSON.parse(new TextDecoder().decode(stdout)).model, name);
});

Deno.test("a usage beyond three digits is cut short, and small shares have a decimal", () => {
  assert.deepEqual([0, 0.5, 9.99, 10.63].map(percent), ["0%", "50%", "999%", ">999%"]);
  assert.deepEqual([null, 0, 0.004, 0.25].map(smallPercent), ["–", "0%", "0.4%", "25%"]);
});

Deno.test("what lasts for days tells the day", () => {
  const at = Date.UTC(2026, 10, 25, 10);
  assert.match(lasting(at, at + 34_000), /^34 s, since \d\d:\d\d:\d\d$/);
  assert.match(lasting(at, at + 3 * 24 * 3_600_000), /^3 d 0 h, since .*2026/);
});

Deno.test("names are found in a text, the longer of two that begin alike", () => {
  const text = "2 requests moved from gpu-10 to gpu-1: gpu-1 is slow";
  assert.deepEqual(mentions(text, ["gpu-1", "gpu-10"]), [
    { text: "2 requests moved from ", isName: false },
    { text: "gpu-10", isName: true },
    { text: " to ", isName: false },
    { text: "gpu-1", isName: true },
    { text: ": gpu-1 is slow", isName: false },
  ]);
  assert.deepEqual(mentions("text", ["", "none"]), [{ text: "text", isName: false }]);
});

Deno.test("changes of state become marks once; other events do not, whatever their text", () => {
  const text = "a is unhealthy, was healthy: refused";
  const change = { at: 5_000, kind: "change", tone: "bad", servers: ["a"], text } as const;
  const others = (["state", "failover", "reload"] as const).map((kind) => ({ ...change, kind }));
  const marks = addMarks([], [...others, change]);
  assert.deepEqual(marks, [change]);
  assert.equal(addMarks(marks, [change]), marks);
  assert.deepEqual(marksNear(marks, 5_900, 1_000), [change]);
  assert.deepEqual(marksNear(marks, 9_000, 1_000), []);
  assert.match(markText(marks), /^\d\d:\d\d:05 a is unhealthy, was healthy: refused$/);
});

Deno.test("a large fleet is split into the sick, worst first, and the healthy", () => {
  const { servers } = sceneOf(13, "one down").view;
  const trying = servers.map((server, i) =>
    i === 0 ? { ...server, state: "half-open" as const } : server
  );
  const fold = foldOf(trying);
  assert.deepEqual(fold?.others.map(({ state }) => state), ["unhealthy", "half-open"]);
  assert.equal(fold?.healthy.length, 11);
  assert.equal(foldOf(servers.slice(1)), undefined);
});
