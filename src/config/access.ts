import { parse } from "smol-toml";
import type { z } from "zod";
import { hashIn } from "./key_hash.ts";
import { addressIn, keyShape, keysShape } from "./access_schema.ts";
import type { Access, ApiKey } from "./config.ts";
import { toModelLimits, toTokenLimits, unknownInModelLimits } from "./token_limits.ts";
import { diagnosticsIn } from "./zod_errors.ts";
import { keyIn, readReferences, type References } from "./references.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { RawFile } from "./file_schema.ts";
import { tableAt, unknownIn } from "./zod_types.ts";

/** Characters. Shorter keys are too easy to guess. */
const SHORTEST_KEY = 8;

type Entries = z.output<typeof keysShape>;

/** Builds the access configuration, reading the files it references. */
export function toAccess(
  { auth, admin, tls, cors, server }: RawFile,
  outside: References,
  problems: Diagnostic[],
): Access {
  const listed = auth.api_keys ?? [];
  const filed = keysInFile(auth.api_keys_file, outside, problems);
  const keys = [
    ...toKeys(listed, "auth.api_keys", 1, outside, problems),
    ...toKeys(filed, `${auth.api_keys_file} api_keys`, listed.length + 1, outside, problems),
  ];
  const names = new Set<string>();
  for (const { name } of keys) {
    if (names.has(name)) {
      problems.push({ where: "auth", what: `expected unique key names, got ${name} twice` });
    }
    names.add(name);
  }
  const adminKeys = admin.api_keys &&
    toKeys(admin.api_keys, "admin.api_keys", 1, outside, problems).map(({ hash }) => hash);
  const adminListen = admin.listen === undefined ? undefined : addressIn(admin.listen);
  const cert = readReferences(tls?.cert, "tls.cert", outside, problems);
  const key = readReferences(tls?.key, "tls.key", outside, problems);
  return {
    keys,
    keysAreOn: auth.api_keys !== undefined || auth.api_keys_file !== undefined,
    ...(adminListen && { adminListen }),
    ...(adminKeys && { adminKeys }),
    adminHosts: [...admin.hosts, ...(adminListen ? [adminListen.hostname] : [])]
      .map((name) => name.toLowerCase()),
    ...(cert !== undefined && key !== undefined && { tls: { cert, key } }),
    corsOrigins: cors.allow_origins,
    http1: server.http1,
    ...toModelLimits(auth.model_limits),
  };
}

/** Reads the `api_keys` list from a separate TOML file. */
function keysInFile(
  name: string | undefined,
  outside: References,
  problems: Diagnostic[],
): Entries {
  const text = readReferences(name, "auth.api_keys_file", outside, problems);
  if (text === undefined) return [];
  let raw: unknown;
  try {
    raw = parse(text).api_keys;
  } catch {
    // The parser's message quotes the line, which may contain a key.
    problems.push({ where: name!, what: "not valid TOML; the content is not shown" });
    return [];
  }
  problems.push(...unknownInKeys(raw, `${name} api_keys`));
  const parsed = keysShape.safeParse(raw);
  problems.push(...diagnosticsIn(parsed.error, `${name} api_keys`));
  return parsed.data ?? [];
}

/** Reports unknown fields in a list of keys. A misspelt limit would not be enforced. */
export function unknownInKeys(list: unknown, where: string): Diagnostic[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry, index) => [
    ...unknownIn(tableAt(entry), keyShape.shape, `${where}[${index}].`, "unknown key"),
    ...unknownInModelLimits(tableAt(entry), `${where}[${index}].`),
  ]);
}

/** @param first number of the first entry; an entry without a name is called `key-<number>` */
function toKeys(
  entries: Entries,
  where: string,
  first: number,
  outside: References,
  problems: Diagnostic[],
): ApiKey[] {
  return entries.flatMap((entry, index) => {
    const at = `${where}[${index}]`;
    const written: z.output<typeof keyShape> = typeof entry === "string"
      ? { key: entry, name: `key-${first + index}` }
      : entry;
    const key = keyIn(written.key, at, outside, problems);
    if (key === undefined) return [];
    if (key.length < SHORTEST_KEY) {
      const what = `expected a key of at least ${SHORTEST_KEY} characters, got ${key.length}`;
      problems.push({ where: at, what });
      return [];
    }
    const hash = hashIn(key);
    if (!hash) {
      problems.push({ where: at, what: "expected 64 hexadecimal digits after sha256:" });
      return [];
    }
    const { name, models, priority } = written;
    const { requests_per_minute: requestsPerMinute, max_in_flight: maxInFlight } = written;
    return [{
      name,
      hash,
      ...(models && { models }),
      ...(requestsPerMinute !== undefined && { requestsPerMinute }),
      ...(maxInFlight !== undefined && { maxInFlight }),
      ...toTokenLimits(written),
      ...toModelLimits(written.model_limits),
      ...(priority !== undefined && { priority }),
    }];
  });
}
