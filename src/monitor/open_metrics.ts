import type { Exemplar } from "./exemplars.ts";

/** The content type of OpenMetrics' text format. */
export const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/**
 * Rewrites a page from Prometheus' text format to OpenMetrics, which has a counter's name without
 * `_total`, no empty lines, and an end.
 *
 * @param exemplarOf returns the exemplar of a bucket, by its series as the page writes it
 */
export function toOpenMetrics(
  page: string,
  exemplarOf: (series: string) => Exemplar | undefined,
): string {
  const counters = new Set(
    [...page.matchAll(/^# TYPE (\S+)_total counter$/gm)].map(([, name]) => `${name}_total`),
  );
  const lines = page.split("\n").filter((line) => line !== "").map((line) => {
    if (line.startsWith("# ")) return describing(line, counters);
    const end = line.lastIndexOf(" ");
    const exemplar = exemplarOf(line.slice(0, end));
    return exemplar ? `${line}${written(exemplar)}` : line;
  });
  return `${lines.join("\n")}\n# EOF\n`;
}

/** Rewrites a line of help or type. */
function describing(line: string, counters: ReadonlySet<string>): string {
  const [hash, kind, name, ...rest] = line.split(" ");
  const family = counters.has(name!) ? name!.replace(/_total$/, "") : name;
  const text = rest.join(" ");
  return [hash, kind, family, kind === "HELP" ? text.replace(/"/g, '\\"') : text].join(" ");
}

function written({ traceId, value, at }: Exemplar): string {
  return ` # {trace_id="${traceId}"} ${value} ${at / 1000}`;
}
