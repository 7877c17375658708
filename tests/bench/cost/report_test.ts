import assert from "node:assert/strict";
import { atMost, figures, verdicts } from "../../../bench/cost/report.ts";

/** Returns the cells of the line that begins with this text. */
function cellsOf(table: string, first: string): string[] {
  const line = table.split("\n").find((line) => line.startsWith(`│ ${first} `));
  assert.ok(line, `no line ${first} in\n${table}`);
  return line.split("│").slice(1, -1).map((cell) => cell.trim());
}

Deno.test("figures show median, spread and the ratio to nginx", () => {
  const table = figures(
    "CPU",
    "µs",
    new Map([["vllm-router", [30, 60, 45]], ["nginx", [10, 20, 15]]]),
  );
  assert.deepEqual(cellsOf(table, "CPU"), ["CPU", "µs", "lowest to highest", "× nginx"]);
  assert.deepEqual(cellsOf(table, "vllm-router"), ["vllm-router", "45.0", "30.0 to 60.0", "3.00"]);
});

Deno.test("figures say where a ratio is unavailable or within noise", () => {
  assert.equal(cellsOf(figures("CPU", "µs", new Map([["a", [1]]])), "a").at(-1), "unavailable");
  const noisy = figures("added", "ms", new Map([["a", [1]], ["nginx", [-0.1]]]));
  assert.equal(cellsOf(noisy, "a").at(-1), "within noise");
});

Deno.test("a verdict shows median, spread, aim and whether it is met", () => {
  const table = verdicts([
    atMost("cheap", 3, "× nginx", [2, 4, 3]),
    atMost("costly", 3, "× nginx", [4, 5, 3.1]),
    { what: "many", bound: "at least", limit: 1000, unit: "streams", rounds: [900, 1100, 1000] },
    { what: "few", bound: "at least", limit: 1000, unit: "streams", rounds: [900] },
    atMost("unknown", 60, "KB", undefined),
  ]);
  assert.deepEqual(cellsOf(table, "cheap"), [
    ...["cheap", "3.00", "2.00 to 4.00", "at most 3", "× nginx", "met"],
  ]);
  assert.equal(cellsOf(table, "costly").at(-1), "not met");
  assert.equal(cellsOf(table, "many").at(-1), "met");
  assert.equal(cellsOf(table, "few").at(-1), "not met");
  assert.equal(cellsOf(table, "unknown").at(-1), "not measured");
});
