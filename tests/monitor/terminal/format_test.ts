import assert from "node:assert/strict";
import * as dashboard from "../../../src/monitor/dashboard/format.js";
import * as terminal from "../../../src/monitor/terminal/format.ts";

const VALUES = [
  ...[0, 0.04, 0.05, 0.5, 0.999, 1, 1.26, 9.95, 12.3, 59, 59.6, 60, 99.95, 100, 999.4, 999.6],
  ...[1_000, 1_230, 3_599, 9_999, 10_000, 59_999, 60_000, 99_949, 99_999, 100_000, 123_456],
  ...[3_600_000, 86_400_000, 100_000_000, 1.5e9],
];

Deno.test("numbers and times are written as on the dashboard", () => {
  for (const name of ["count", "rate", "duration"] as const) {
    for (const value of [...VALUES, null]) {
      assert.equal(terminal[name](value), dashboard[name](value), `${name} of ${value}`);
    }
  }
  for (const value of VALUES) assert.equal(terminal.span(value), dashboard.span(value));
  for (const value of [null, 0, 0.004, 0.005, 0.123, 1, 1.2, 9.99]) {
    assert.equal(terminal.percent(value), dashboard.percent(value));
  }
});

Deno.test("a share has at most five characters", () => {
  for (const share of [9.994, 9.995, 10.63, 1e9]) {
    assert.ok(terminal.percent(share).length <= 5, terminal.percent(share));
  }
  assert.equal(terminal.percent(10.63), ">999%");
});
