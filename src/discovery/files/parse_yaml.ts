import { isScalar, parseDocument, visit, type YAMLMap } from "yaml";

/** Largest text. Parsing 1 KiB blocks the event loop for about a millisecond. */
const MOST_KIB = 256;
/** Most aliases. Resolving one takes time in proportion to the document's length. */
const MOST_ALIASES = 100;

/** The contents of a text, or what is wrong with it and where. */
export type ParsedText =
  | { readonly raw: unknown; readonly problem?: undefined }
  | { readonly problem: string };

/** Parses one YAML document, in time in proportion to its length. */
export function parseYaml(text: string): ParsedText {
  if (text.length > MOST_KIB * 1024) {
    return { problem: `expected at most ${MOST_KIB} KiB of YAML; JSON may be longer` };
  }
  // These options turn off two slow steps: comparing each key with all others, and finding lines.
  const options = { logLevel: "error", uniqueKeys: false, prettyErrors: false } as const;
  const document = parseDocument(text, options);
  const at = (offset: number, what: string) => ({ problem: `${placeIn(text, offset)}: ${what}` });
  const [error] = document.errors;
  if (error) {
    const isSecond = error.code === "MULTIPLE_DOCS";
    return at(error.pos[0], isSecond ? "expected one YAML document" : "not valid YAML");
  }
  let aliases = 0;
  let twice: number | undefined;
  visit(document, {
    Alias: () => ++aliases > MOST_ALIASES ? visit.BREAK : undefined,
    Map(_, map) {
      twice = secondOfKey(map);
      return twice === undefined ? undefined : visit.BREAK;
    },
  });
  if (twice !== undefined) return at(twice, "duplicate key");
  if (aliases > MOST_ALIASES) return { problem: "not valid YAML: it has too many aliases" };
  try {
    return { raw: document.toJS() };
  } catch {
    // The document would unfold to a multiple of the text.
    return { problem: "not valid YAML: it has too many aliases" };
  }
}

/** Returns the offset of the first key that equals an earlier one. */
function secondOfKey({ items }: YAMLMap): number | undefined {
  const keys = new Set<unknown>();
  for (const { key } of items) {
    // As an object's keys, 1 and "1" are the same.
    const name = isScalar(key) ? String(key.value) : key;
    if (keys.has(name)) return isScalar(key) ? key.range?.[0] ?? 0 : 0;
    keys.add(name);
  }
  return undefined;
}

function placeIn(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}
