import assert from "node:assert/strict";
import { drawPlot } from "../../../bench/routing/plot.ts";
import { effortLines, figuresTable, ratios, ratiosTable } from "../../../bench/routing/report.ts";
import { sampleOf, type Summary, summaryOf } from "../../../bench/routing/sample.ts";
import { verdicts } from "../../../bench/routing/verdicts.ts";

function summary(firstTokenMs: number, lateMs = 1, failed = 0): Summary {
  return summaryOf({
    samples: [sampleOf(firstTokenMs, 10 * firstTokenMs, 10)],
    failed,
    hitRate: 0.25,
    effort: { lateMs, loadCores: 0.2, contenderCores: 0.1 },
  });
}

const results = new Map([
  ["least_work", [summary(104), summary(220)]],
  ["least_load", [summary(150), summary(300)]],
  ["nginx", [summary(140), summary(210)]],
  ["perfect", [summary(100), summary(200)]],
]);

const AIM = { mean: 1.08, p99: 1.15 };

Deno.test("ratios are those of each repeat, where both ran", () => {
  const mean = ({ firstToken }: Summary) => firstToken.mean;
  assert.deepEqual(ratios(results, "least_work", "perfect", mean), [1.04, 1.1]);
  assert.equal(ratios(results, "least_work", "HAProxy", mean), undefined);
});

Deno.test("the tables show medians, spread and ratios", () => {
  const table = figuresTable("First token, s", results, ({ firstToken }) => firstToken);
  assert.match(table, /least_work .* 0\.16 .* 0\.10 to 0\.22 .* 25%/);
  const ratios = ratiosTable("Whole answer", results, ({ total }) => total);
  assert.match(ratios, /Whole answer .* mean × perfect .* mean × nginx .* mean × least_load/);
  assert.match(ratios, /nginx .* 1\.23 .* 1\.23 .* 1\.00/);
});

Deno.test("the ratios to a bound are shown for the time that it minimises", () => {
  const bounded = new Map([
    ...results,
    ["clairvoyant", [summary(80), summary(200)]],
    ["clairvoyant_per_token", [summary(52), summary(110)]],
  ]);
  const first = ratiosTable("First token", bounded, ({ firstToken }) => firstToken);
  assert.match(first, /mean × clairvoyant │/);
  assert.doesNotMatch(first, /mean × clairvoyant_per_token/);
  const perToken = ratiosTable(
    "Per token",
    bounded,
    (each) => each.perToken,
    "clairvoyant_per_token",
  );
  assert.match(perToken, /mean × clairvoyant_per_token │/);
  const lines = verdicts(bounded, "least_work", AIM);
  assert.equal(lines[1], "least_work: mean first token 1.20 (1.10 to 1.30) × clairvoyant");
  assert.equal(
    lines[2],
    "least_work: mean time per token 2.00 (2.00 to 2.00) × clairvoyant_per_token",
  );
});

Deno.test("verdicts say which aims are met, of those that could be measured", () => {
  const twice = (text: string) => `mean ${text}, p99 ${text}`;
  assert.deepEqual(verdicts(results, "least_work", AIM), [
    "least_work: at most 1.08 and 1.15 × perfect information: met, " +
    `${twice("1.07 (1.04 to 1.10)")} × perfect`,
    `least_work: better than nginx: met, ${twice("0.90 (0.74 to 1.05)")} × nginx`,
    `least_work: never worse than least_load: met, ${twice("0.71 (0.69 to 0.73)")} × least_load`,
  ]);
  assert.match(verdicts(results, "least_load", AIM)[0]!, /NOT met, mean 1\.50/);
  const losing = new Map([...results, ["least_work", [summary(104, 1, 3), summary(220, 1, 2)]]]);
  assert.match(verdicts(losing, "least_work", AIM)[0]!, / × perfect, 5 failed beside its 0$/);
});

Deno.test("a replay whose requests were sent late is warned of", () => {
  assert.deepEqual(effortLines(results).filter((line) => line.startsWith("WARNING")), []);
  const late = new Map([["nginx", [summary(100), summary(100, 40)]]]);
  assert.match(effortLines(late)[1]!, /^WARNING: this machine was too busy while nginx ran/);
});

Deno.test("the plot has a line and a dot for each contender", () => {
  const svg = drawPlot([{ title: "seats & more", results }], "two repeats");
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
  assert.equal(svg.match(/<circle /g)?.length, 4);
  assert.ok(svg.includes("seats &amp; more") && svg.includes(">1 s<") === false);
  assert.doesNotMatch(svg, /NaN|undefined/);
});
