import assert from "node:assert/strict";

Deno.test("streams outlive the kill -9 of three of five servers", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--allow-all", "bench/outlive/main.ts"],
      ...["--only", "kill -9 of three", "--streams", "20"],
    ],
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1" },
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(success, text);
  const [, streams, wentOn, broken, garbled] = text.split("\n")
    .find((line) => line.includes("kill -9"))!.split("│").slice(1).map((cell) => cell.trim());
  assert.ok(Number(streams) > 20 && Number(wentOn) > 0, text);
  assert.deepEqual([broken, garbled], ["0", "0"]);
});
