import { type Exported, folded } from "./exported.ts";

/** Describes the wrong names in a query; empty if there are none. */
export function wrongNames(expr: string, exported: ReadonlyMap<string, Exported>): string[] {
  const wrong: string[] = [];
  const has = (series: string, label: string) =>
    labelsOf(series, exported)?.includes(label) ?? false;
  const all = seriesIn(expr);
  if (all.length === 0) wrong.push(`no metric in ${expr}`);
  for (const { name, matched } of all) {
    if (!labelsOf(name, exported)) wrong.push(`${name} is not exported`);
    else for (const label of matched) if (!has(name, label)) wrong.push(`${name} has no ${label}`);
  }
  for (const { labels, series } of groupingsIn(expr)) {
    for (const label of labels) {
      if (!has(series, label)) wrong.push(`${series} can't be summed by ${label}`);
    }
  }
  return wrong;
}

/** The labels of a query's result. */
export function resultLabels(expr: string, exported: ReadonlyMap<string, Exported>): string[] {
  const groupings = groupingsIn(expr);
  if (groupings.length > 0) return groupings.flatMap(({ labels }) => labels);
  return /\b(sum|avg|max|min|count)\s*\(/.test(expr)
    ? []
    : seriesIn(expr).flatMap(({ name }) => labelsOf(name, exported) ?? []);
}

function labelsOf(series: string, exported: ReadonlyMap<string, Exported>): string[] | undefined {
  // Prometheus' own: whether the scrape of a target succeeded.
  if (series === "up") return ["job", "instance"];
  const metric = exported.get(folded(series, exported));
  if (!metric) return undefined;
  // A histogram has no series with its own name, and other metrics have no buckets.
  const isPart = !exported.has(series);
  if (isPart !== (metric.type === "histogram")) return undefined;
  return [...metric.labels].filter((label) => label !== "le" || series.endsWith("_bucket"));
}

/** Every `name{label="…"}` with the labels it matches. */
function seriesIn(expr: string): { name: string; matched: string[] }[] {
  return [...expr.matchAll(/\b(up|(?:vllm_router|process)_\w+)\b(?:\{([^}]*)\})?/g)].map((
    [, name, matchers],
  ) => ({
    name: name!,
    matched: [...(matchers ?? "").matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) =>
      label!
    ),
  }));
}

/** Every `by (…)` with the first series after it. */
function groupingsIn(expr: string): { labels: string[]; series: string }[] {
  return [...expr.matchAll(/\bby\s*\(([^)]*)\)[^]*?\b((?:vllm_router|process)_\w+)/g)].map(
    ([, labels, series]) => ({
      labels: labels!.split(",").map((label) => label.trim()),
      series: series!,
    }),
  );
}
