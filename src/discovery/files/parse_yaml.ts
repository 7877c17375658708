import { isScalar, parseDocument, visit, type YAMLMap } from "yaml";

/** Largest text. 1 KiB takes about a millisecond, in which nothing else runs. */
const MOST_KIB = 256;
/** To resolve one takes time in proportion to the document. */
const MOST_ALIASES = 100;

/** What a text says; or what is wrong with it, and where. */
export type ParsedText =
  | { readonly raw: unknown; readonly problem?: undefined }
  | { readonly problem: string };

/** Parses one YAML document, in time in proportion to its length. */
export function parseYaml(text: string): ParsedText {
  if (text.length > MOST_KIB * 1024) {
    return { problem: `expected at most ${MOST_KIB} KiB of YAML; JSON may be longer` };
  }
  // The parser compares each key with all keys before it, and finds the line of each error.
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
  if (twice !== undefined) return at(twice, "a key occurs twice");
  if (aliases > MOST_ALIASES) return { problem: "not valid YAML: it has too many aliases" };
  try {
    return { raw: document.toJS() };
  } catch {
    // A few aliases can unfold to a multiple of the text.
    return { problem: "not valid YAML: it has too many aliases" };
  }
}

/** Returns where a key stands that an earlier one equals. */
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
