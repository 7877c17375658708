import cliTruncate from "cli-truncate";
import stringWidth from "string-width";

/** Returns a text's width on a terminal: 2 for a wide character, 0 for a combining one. */
export const widthOf = (text: string): number => stringWidth(text);

/** Cuts a text with an ellipsis or pads it with spaces to an exact width. */
export function fit(text: string, columns: number, align: "left" | "right" = "left"): string {
  const width = widthOf(text);
  const cut = width <= columns ? text : cliTruncate(text, columns);
  const left = columns - (cut === text ? width : widthOf(cut));
  const space = " ".repeat(Math.max(0, left));
  return align === "left" ? cut + space : space + cut;
}

/** Replaces characters of an untrusted text that could control the terminal. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ");
}

/** Arranges pieces in lines, as many per line as fit. */
export function flow(pieces: readonly string[], columns: number, gap = "   "): string[] {
  const lines: string[] = [];
  for (const piece of pieces) {
    const longer = lines.length > 0 ? lines.at(-1) + gap + piece : piece;
    if (lines.length > 0 && widthOf(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(piece);
  }
  return lines;
}

/** Formats a share, such as `45%`. */
export const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** Formats a number, such as `1,234` or, below ten, `3.5`. */
export function count(value: number): string {
  const digits = value < 10 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** Formats a number, such as `1,234` or, from ten thousand, `12.3K`. */
export function shortCount(value: number): string {
  if (value < 10_000) return count(Math.round(value));
  return value.toLocaleString("en-US", { notation: "compact", maximumSignificantDigits: 3 });
}

/** Formats a time, such as `85ms` or `1.2s`. */
export function milliseconds(value: number): string {
  return value < 1_000 ? `${Math.round(value)}ms` : `${(value / 1_000).toFixed(1)}s`;
}

/** Formats the two largest units of a duration, such as `3 d 4 h` or `45 s`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit));
  if (days! > 0) return `${days} d ${hours! % 24} h`;
  if (hours! > 0) return `${hours} h ${minutes! % 60} min`;
  if (minutes! > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/** Draws a bar of `columns` columns, full at a share of 1. */
export function bar(share: number, columns: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * columns);
  // Any load shows at least one column.
  const shown = share > 0 ? Math.max(1, full) : 0;
  return "█".repeat(shown) + "░".repeat(columns - shown);
}
