import stringWidth from "string-width";

const CELL = { width: 8.43, height: 19 };
const PADDING = 16;
const TITLE_BAR = 34;
const BACKGROUND = "#161b22";
const FOREGROUND = "#d6dde6";
/** The eight colours in terminal order, starting at code 30. */
const COLOURS = [
  "#484f58",
  "#ff6b61",
  "#56c271",
  "#e3b341",
  "#6cb6ff",
  "#d2a8ff",
  "#56d4dd",
  FOREGROUND,
];
/** The same eight for backgrounds, on which bright text can be read. */
const BACKGROUNDS = [
  "#0d1117",
  "#b62324",
  "#1f7a3a",
  "#8a6100",
  "#1f5fb0",
  "#7a3fc0",
  "#17777f",
  "#8b949e",
];
const FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";

interface Style {
  readonly colour?: string | undefined;
  readonly background?: string | undefined;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly struck?: boolean;
}

/** Draws a terminal that shows the text; `ansi` includes the colour escapes. */
export function svgOf(
  ansi: string,
  { title, columns }: { title: string; columns: number },
): string {
  const lines = ansi.replace(/\n+$/, "").split("\n");
  const width = Math.ceil(columns * CELL.width + 2 * PADDING);
  const height = lines.length * CELL.height + PADDING + TITLE_BAR;
  let style: Style = {};
  const drawn = lines.flatMap((line, row) => {
    const y = TITLE_BAR + row * CELL.height;
    let column = 0;
    return piecesOf(line).map((piece) => {
      if (piece.codes) {
        style = piece.codes.reduce(styleAfter, style);
        return "";
      }
      const shape = drawPiece(piece.text, style, PADDING + column * CELL.width, y);
      column += stringWidth(piece.text);
      return shape;
    });
  });
  const lights = ["#ff5f57", "#febc2e", "#28c840"]
    .map((fill, i) => `<circle cx="${20 + i * 20}" cy="17" r="6" fill="${fill}"/>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" font-family="${FONTS}" font-size="14" fill="${FOREGROUND}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" rx="10" fill="${BACKGROUND}"/>`,
    ...lights,
    `<text x="50%" y="22" text-anchor="middle" opacity=".6" font-size="13">${
      escaped(title)
    }</text>`,
    ...drawn.filter((shape) => shape !== ""),
    "</svg>",
    "",
  ].join("\n");
}

/** Splits a line into escapes, bars and texts. */
function piecesOf(line: string): { text: string; codes?: number[] }[] {
  // deno-lint-ignore no-control-regex
  return [...line.matchAll(/\x1b\[([\d;]*)m|█+|░+| {2,}|(?:(?! {2,})[^\x1b█░])+/g)]
    .map(([text, codes]) =>
      codes === undefined ? { text } : { text, codes: codes.split(";").map(Number) }
    );
}

function styleAfter(style: Style, code: number): Style {
  if (code === 0) return {};
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 9) return { ...style, struck: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 29) return { ...style, struck: false };
  if (code === 39) return { ...style, colour: undefined };
  if (code === 49) return { ...style, background: undefined };
  if (code >= 40 && code <= 47) return { ...style, background: BACKGROUNDS[code - 40] };
  return code >= 30 && code <= 37 ? { ...style, colour: COLOURS[code - 30] } : style;
}

function drawPiece(text: string, style: Style, x: number, y: number): string {
  const width = (stringWidth(text) * CELL.width).toFixed(2);
  const fill = style.colour ? ` fill="${style.colour}"` : "";
  const left = x.toFixed(2);
  if (/^[█░]/.test(text)) {
    const faint = text.startsWith("░") ? ` opacity=".22"` : "";
    return `<rect x="${left}" y="${y + 3}" width="${width}" height="${
      CELL.height - 6
    }"${fill}${faint}/>`;
  }
  const behind = style.background
    ? `<rect x="${left}" y="${y}" width="${width}" height="${CELL.height}" fill="${style.background}"/>`
    : "";
  if (text.trim() === "") return behind;
  const looks = (style.bold ? ` font-weight="bold"` : "") + (style.dim ? ` opacity=".6"` : "") +
    (style.struck ? ` text-decoration="line-through"` : "");
  return behind +
    `<text x="${left}" y="${y + 14}" textLength="${width}" xml:space="preserve"${fill}${looks}>` +
    `${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
