import type { Histogram } from "../engine/statistics.ts";

type Labels = Readonly<Record<string, string>>;

/** The labels of a sample and its value. */
export type Sample = readonly [labels: Labels, value: number];

/** Writes a metrics page in the format of Prometheus' Python client, which vLLM uses. */
export class PrometheusText {
  readonly #lines: string[] = [];
  readonly #commonLabels: Labels;
  readonly #createdSeconds: number;

  /** `createdSeconds` is when the counters started, in seconds since 1970. */
  constructor(commonLabels: Labels, createdSeconds: number) {
    this.#commonLabels = commonLabels;
    this.#createdSeconds = createdSeconds;
  }

  gauge(name: string, help: string, ...samples: readonly Sample[]): void {
    this.#head(name, help, "gauge");
    for (const [labels, value] of samples) this.#line(name, labels, value);
  }

  /** Writes a gauge without the common labels. */
  bareGauge(name: string, help: string, labels: Labels, value: number): void {
    this.#head(name, help, "gauge");
    this.#lines.push(`${name}${renderLabels(labels)} ${formatNumber(value)}`);
  }

  counter(name: string, help: string, ...samples: readonly Sample[]): void {
    this.#head(`${name}_total`, help, "counter");
    for (const [labels, value] of samples) this.#line(`${name}_total`, labels, value);
    this.#created(name, help, samples.map(([labels]) => labels));
  }

  histogram(name: string, help: string, { bounds, counts, sum, count }: Histogram): void {
    this.#head(name, help, "histogram");
    let below = 0;
    [...bounds, Infinity].forEach((bound, index) => {
      below += counts[index]!;
      this.#line(`${name}_bucket`, { le: formatNumber(bound) }, below);
    });
    this.#line(`${name}_count`, {}, count);
    this.#line(`${name}_sum`, {}, sum);
    this.#created(name, help, [{}]);
  }

  /** Returns the page so far. */
  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }

  #head(name: string, help: string, type: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  #line(name: string, labels: Labels, value: number): void {
    const all = renderLabels({ ...this.#commonLabels, ...labels });
    this.#lines.push(`${name}${all} ${formatNumber(value)}`);
  }

  #created(name: string, help: string, labels: readonly Labels[]): void {
    const samples = labels.map((each): Sample => [each, this.#createdSeconds]);
    this.gauge(`${name}_created`, help, ...samples);
  }
}

/** Formats a number as Prometheus' Python client does: `3.0`, `0.25`, `6.4929219e+07`, `+Inf`. */
export function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  const text = Number.isInteger(value) ? `${value}.0` : String(value);
  const dot = text.indexOf(".");
  if (dot <= 6 || text.includes("e")) return text;
  const digits = `${text[0]}.${text.slice(1, dot)}${text.slice(dot + 1)}`
    .replace(/\.?0+$/, "");
  return `${digits}e+${String(dot - 1).padStart(2, "0")}`;
}

function renderLabels(labels: Labels): string {
  if (Object.keys(labels).length === 0) return "";
  const pairs = Object.entries(labels).sort().map(([name, value]) => {
    const escaped = value.replace(/[\\"\n]/g, (char) => char === "\n" ? "\\n" : `\\${char}`);
    return `${name}="${escaped}"`;
  });
  return `{${pairs.join(",")}}`;
}
