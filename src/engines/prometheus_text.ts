/** Enough for a hundred engines or so. */
const MOST_LINES = 50_000;
/** Real servers' longest lines have about a thousand characters. */
const MOST_LINE_LENGTH = 16 * 1024;
/** Total length of the wanted lines, which are scanned character by character. */
const MOST_SAMPLES_LENGTH = 512 * 1024;

/** Calls back with each sample of the wanted metrics on a page. */
export type SampleReader = (page: string, take: TakeSample) => void;

/**
 * @param labels the text between the braces
 * @param value may be NaN or infinite
 */
export type TakeSample = (name: string, labels: string, value: number) => void;

/**
 * Creates a reader of Prometheus' text format for a fixed set of metrics. It makes one pass over a
 * page; most lines belong to other metrics and are skipped within nanoseconds. The reader throws an
 * `Error` with the reason if a page has too many lines, too long a line or too many samples.
 *
 * @param names full names of the metrics
 * @param prefixLength characters that most of the names have in common
 */
export function createSampleReader(names: Iterable<string>, prefixLength: number): SampleReader {
  // The first letter after the prefix rules out most lines.
  const byLetter: string[][] = [];
  for (const name of names) (byLetter[name.charCodeAt(prefixLength)] ??= []).push(name);

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
      const alike = byLetter[page.charCodeAt(at + prefixLength)];
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

/** @param rest the line after the name: optional labels, a value, an optional timestamp */
function takeSample(name: string, rest: string, take: TakeSample): void {
  const end = rest.startsWith("{") ? endOfLabels(rest) : 0;
  if (end === -1) return;
  const [value] = rest.slice(end).trim().split(/[ \t]/, 1);
  if (value) take(name, rest.slice(1, end - 1), Number(value));
}

/** Returns the index after the closing brace of the labels at the start of a text, or -1. */
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

/** Returns the value of a label, with its escapes left as they are. */
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

const HASH = 35;
const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPENING_BRACE = 123;
const CLOSING_BRACE = 125;
