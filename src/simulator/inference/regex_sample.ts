/** Longest sample, in characters. */
const MAX_LENGTH = 1000;
const CLASSES: Readonly<Record<string, string>> = {
  d: "1",
  w: "a",
  s: " ",
  D: "a",
  W: "-",
  S: "a",
};
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };
/** What a negated class may be. */
const CANDIDATES = "a1 -A_.";

/**
 * Returns a short text that matches a regular expression: of alternatives the first, of repetitions
 * as few as allowed. It ignores assertions and back-references.
 */
export function sampleOf(pattern: string): string {
  let at = 0;
  const has = (text: string) => pattern.startsWith(text, at);

  function alternatives(): string {
    const first = sequence();
    while (has("|")) {
      at++;
      sequence();
    }
    return first;
  }

  function sequence(): string {
    let text = "";
    while (at < pattern.length && !has("|") && !has(")")) {
      const one = atom();
      text += one.repeat(Math.min(leastTimes(), Math.ceil(MAX_LENGTH / Math.max(1, one.length))));
      text = text.slice(0, MAX_LENGTH);
    }
    return text;
  }

  function atom(): string {
    const char = pattern[at++]!;
    if (char === "^" || char === "$") return "";
    if (char === ".") return "a";
    if (char === "\\") return escaped();
    if (char === "[") return oneOfClass();
    if (char !== "(") return char;
    const kind = /^\?(?:[:=!]|<[=!]|P?<\w+>)/.exec(pattern.slice(at))?.[0] ?? "";
    at += kind.length;
    const inner = alternatives();
    at++;
    return /[=!]/.test(kind) ? "" : inner;
  }

  function escaped(): string {
    const char = pattern[at++] ?? "";
    if (char === "b" || char === "B" || /[1-9]/.test(char)) return "";
    return CLASSES[char] ?? CONTROLS[char] ?? char;
  }

  function oneOfClass(): string {
    const end = classEnd();
    const isNegated = has("^");
    const inside = pattern.slice(at, end);
    if (!isNegated) {
      const first = has("\\") ? (at++, escaped()) : pattern[at]!;
      at = end + 1;
      return first;
    }
    at = end + 1;
    // `inside` is a part of the request's pattern: compare characters instead of running it.
    const excluded = inside.slice(1).replace(/\\d/g, "1").replace(/\\w/g, "a1A_").replace(
      /\\s/g,
      " ",
    );
    return [...CANDIDATES].find((char) => !excluded.includes(char)) ?? "~";
  }

  function classEnd(): number {
    let end = at + (pattern[at] === "^" ? 1 : 0);
    do end += pattern[end] === "\\" ? 2 : 1; while (end < pattern.length && pattern[end] !== "]");
    return end;
  }

  function leastTimes(): number {
    const quantifier = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})[?+]?/.exec(pattern.slice(at, at + 30));
    if (!quantifier) return 1;
    at += quantifier[0].length;
    if (quantifier[1] !== undefined) return Number(quantifier[1]);
    return quantifier[0].startsWith("+") ? 1 : 0;
  }

  let text = alternatives();
  // An unbalanced bracket ends an alternative early.
  while (at < pattern.length) {
    at++;
    text += alternatives();
  }
  return text.slice(0, MAX_LENGTH);
}
