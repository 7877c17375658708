import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const READMES: readonly string[] = ["README.md", "README.zh.md"];
const NOT_OURS: readonly string[] = [".git", "node_modules", "dist", "logs", "servers.toml"];

/** The text of a file, by its path below the project's folder. */
export function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

/** Paths of all project files in a folder, relative to the project's folder. */
export function files(folder: string = ROOT): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NOT_OURS.includes(entry.name)) return [];
    return entry.isDirectory ? files(path) : [relative(ROOT, path)];
  });
}

/** Paths of all pages of the documentation. */
export const pages: readonly string[] = files().filter((path) => path.endsWith(".md"));

/** Bodies of the fenced samples of one language in a page. */
export function samples(text: string, language: string): readonly string[] {
  return fences(text).filter(([of]) => of === language).map(([, body]) => body);
}

/** All fenced samples in a page, each with its language and its body. */
export function fences(text: string): readonly (readonly [string, string])[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, of, body]) => [of!, body!]);
}

/** A page without its fenced samples. */
export function proseOf(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, "");
}

export interface Heading {
  readonly level: number;
  /** What follows `#` in a link to it, as GitHub derives it. */
  readonly anchor: string;
}

export function headings(text: string): readonly Heading[] {
  return [...proseOf(text).matchAll(/^(#+) (.*)$/gm)].map(([, marks, title]) => ({
    level: marks!.length,
    anchor: title!.toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-"),
  }));
}

/** The part of a page from one heading to the next of any level. */
export function section(text: string, anchor: string): string {
  const parts = text.split(/^(?=#+ )/m);
  const part = parts.find((part) => headings(part).some((heading) => heading.anchor === anchor));
  if (part === undefined) throw new Error(`no section #${anchor}`);
  return part;
}

/** Rows of the table that has a row for `key`, as the plain text of their cells. */
export function tableWith(text: string, key: string): readonly (readonly string[])[] {
  const table = text.split(/\n\n/).find((part) => part.includes(`| \`${key}\``));
  if (table === undefined) throw new Error(`no table has a row for ${key}`);
  return table.trim().split("\n").slice(2).map((row) =>
    row.split("|").slice(1, -1).map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"))
  );
}

/** The code in the first cells of tables: keys, policies, paths, commands, flags. */
export function codeInTables(text: string): readonly (readonly string[])[] {
  return [...text.matchAll(/^\| ((?:`[^`|]+`(?:, )?)+) +\|/gm)].map(([, cell]) => codeIn(cell!));
}

/** What is written as code in a text. */
export function codeIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll(/\s+/g, " "));
}
