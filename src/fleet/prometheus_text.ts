/** Room for some hundred engines. */
const MOST_LINES = 50_000;
/** The longest lines of real servers have a thousand characters. */
const MOST_LINE_LENGTH = 16 * 1024;
/** Of all lines that are asked for, whose characters are looked at one by one. */
const MOST_SAMPLES_LENGTH = 512 * 1024;

/** Finds a page's samples of some metrics. */
export type SampleReader = (page: string, take: TakeSample) => void;

/**
 * @param labels as they are written between the braces
 * @param value perhaps not finite
 */
export type TakeSample = (name: string, labels: string, value: number) => void;

/**
 * Makes a reader of Prometheus' text format that looks for these metrics alone. It goes over a page
 * once: lines of other metrics, nearly all, cost some nanoseconds each. It throws an `Error` that
 * says why where a page has too many lines, a line that is too long, or too many samples.
 *
 * @param names of the metrics, in full
 */
export function createSampleReader(names: Iterable<string>): SampleReader {
  // By the sixth letter, the first after `vllm:`: it tells most lines apart from all names.
  const byLetter: string[][] = [];
  for (const name of names) (byLetter[name.charCodeAt(LETTER)] ??= []).push(name);

  return (page, take) => {
    let lines = 0;
    let length = 0;
    for (let at = 0, end; at < page.length; at = end + 1) {
      end = page.indexOf("\n", at);
      if (end === -1) end = page.length;
      if (++lines > MOST_LINES) throw new Error(`/metrics has more than ${MOST_LINES} lines`);
      if (end - at > MOST_LINE_LENGTH) {
        throw new Error(`/metrics has a line of over ${MOST_LINE_LENGTH / 1024} KiB`);
      }
      if (page.charCodeAt(at) === HASH) continue;
      const alike = byLetter[page.charCodeAt(at + LETTER)];
      const name = alike?.find((name) => isNamed(page, at, name));
      if (name === undefined) continue;
      length += end - at;
      if (length > MOST_SAMPLES_LENGTH) {
        throw new Error(`/metrics has over ${MOST_SAMPLES_LENGTH / 1024} KiB of samples`);
      }
      takeSample(name, page.slice(at + name.length, end), take);
    }
  };
}

function isNamed(page: string, at: number, name: string): boolean {
  if (!page.startsWith(name, at)) return false;
  const next = page.charCodeAt(at + name.length);
  return next === OPENING_BRACE || next === SPACE || next === TAB;
}

/** @param rest of the line after the name: optional labels, a value, an optional timestamp */
function takeSample(name: string, rest: string, take: TakeSample): void {
  const end = rest.startsWith("{") ? endOfLabels(rest) : 0;
  if (end === -1) return;
  const [value] = rest.slice(end).trim().split(/[ \t]/, 1);
  if (value) take(name, rest.slice(1, end - 1), Number(value));
}

/** Where the labels that a text begins with have ended; -1 where they don't. */
function endOfLabels(text: string): number {
  let quoted = false;
  for (let i = 1; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) quoted = !quoted;
    else if (quoted && char === BACKSLASH) i++;
    else if (!quoted && char === CLOSING_BRACE) return i + 1;
  }
  return -1;
}

/** What a label says, escapes as they are written. */
export function labelIn(labels: string, name: string): string | undefined {
  const before = `${name}="`;
  for (let at = 0, end; at < labels.length; at = end + 1) {
    while (labels.charCodeAt(at) === COMMA || labels.charCodeAt(at) === SPACE) at++;
    const start = labels.indexOf('"', at) + 1;
    if (start === 0) return undefined;
    for (end = start; end < labels.length && labels.charCodeAt(end) !== QUOTE; end++) {
      if (labels.charCodeAt(end) === BACKSLASH) end++;
    }
    if (start === at + before.length && labels.startsWith(before, at)) {
      return labels.slice(start, end);
    }
  }
  return undefined;
}

const LETTER = "vllm:".length;
const HASH = 35;
const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPENING_BRACE = 123;
const CLOSING_BRACE = 125;
