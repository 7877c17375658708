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
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ");
}

/** Joins the pieces that fit in one line, the first ones first. */
export function oneLine(pieces: readonly string[], columns: number, gap = "   "): string {
  return pieces.reduce((line, piece) => {
    const longer = line + gap + piece;
    return widthOf(longer) <= columns ? longer : line;
  });
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

/** Draws a bar of `columns` columns, full at a share of 1. */
export function bar(share: number, columns: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * columns);
  // Any load shows at least one column.
  const shown = share > 0 ? Math.max(1, full) : 0;
  return "█".repeat(shown) + "░".repeat(columns - shown);
}
