import { isObject, type Json } from "../api/body.ts";
import { badRequest } from "../api/errors.ts";
import { sampleOf } from "./regex_sample.ts";

/** Below this depth, optional members and items are left out. */
const FULL_DEPTH = 4;
const MAX_DEPTH = 32;
const MAX_VALUES = 1000;
const MAX_TEXT = 10_000;

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T12:00:00Z",
  date: "2026-01-01",
  time: "12:00:00Z",
  duration: "PT1H",
  email: "someone@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/",
  uuid: "123e4567-e89b-42d3-a456-426614174000",
};

/**
 * Returns a small value that a JSON schema allows. A text repeats the name of its member.
 *
 * @throws {RequestError} when the schema has an unknown type, in the words of vLLM's grammar
 */
export function instanceOf(schema: unknown): unknown {
  const root = isObject(schema) ? schema : {};
  /** Values made, and schemas looked at. */
  let values = 0;

  function make(given: unknown, name: string, depth: number): unknown {
    if (++values > MAX_VALUES || depth > MAX_DEPTH) return null;
    const schema = resolve(given, depth);
    if ("const" in schema) return schema.const;
    if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0];
    const options = schema.anyOf ?? schema.oneOf;
    if (Array.isArray(options) && options.length > 0) {
      const { anyOf: _any, oneOf: _one, ...rest } = schema;
      return make(mergeSchemas([rest, choose(options, depth)]), name, depth);
    }
    if ("default" in schema) return schema.default;
    if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
    switch (typeOf(schema)) {
      case "object":
        return makeObject(schema, depth);
      case "array":
        return makeArray(schema, name, depth);
      case "integer":
        return makeNumber(schema, 1);
      case "number":
        return makeNumber(schema, 0.5);
      case "boolean":
        return true;
      case "null":
        return null;
      case "string":
        return makeText(schema, name);
      default:
        throw badRequest(`Grammar error: Invalid type: ${schema.type}`);
    }
  }

  /** Follows references, and merges what must hold all together. */
  function resolve(given: unknown, depth: number): Json {
    let schema = isObject(given) ? given : {};
    if (++values > MAX_VALUES) return {};
    for (let steps = 0; typeof schema.$ref === "string" && steps < MAX_DEPTH; steps++) {
      const { $ref, ...rest } = schema;
      schema = mergeSchemas([rest, find(String($ref))]);
    }
    if (!Array.isArray(schema.allOf) || depth > MAX_DEPTH) return schema;
    const { allOf, ...rest } = schema;
    return mergeSchemas([rest, ...(allOf as unknown[]).map((each) => resolve(each, depth + 1))]);
  }

  function find(reference: string): unknown {
    const path = reference.split("/").slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    return path.reduce<unknown>(
      (place, part) => isObject(place) && Object.hasOwn(place, part) ? place[part] : undefined,
      root,
    );
  }

  /** The first that isn't null; deep inside the one that is, so that a recursion ends. */
  function choose(options: readonly unknown[], depth: number): unknown {
    const isNull = (option: unknown) => isObject(option) && option.type === "null";
    return options.find((option) => isNull(option) === depth > FULL_DEPTH) ?? options[0];
  }

  function makeObject(schema: Json, depth: number): Json {
    const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
    const properties = isObject(schema.properties) ? schema.properties : {};
    const names = depth < FULL_DEPTH
      ? [...new Set([...Object.keys(properties), ...required])]
      : required;
    return Object.fromEntries(
      names.map((name) => [name, make(properties[name] ?? { type: "string" }, name, depth + 1)]),
    );
  }

  function makeArray(schema: Json, name: string, depth: number): unknown[] {
    const prefix = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
    const least = Number(schema.minItems ?? 0);
    const wanted = Math.max(least, prefix.length, depth < FULL_DEPTH ? 1 : 0);
    const length = Math.min(wanted, Number(schema.maxItems ?? MAX_VALUES));
    const isUnique = schema.uniqueItems === true;
    const made: unknown[] = [];
    while (made.length < length && values < MAX_VALUES) {
      const index = made.length;
      const item = make(prefix[index] ?? schema.items ?? { type: "string" }, name, depth + 1);
      if (!isUnique || index === 0) made.push(item);
      else made.push(typeof item === "number" ? item + index : `${item}${index}`);
    }
    return made;
  }

  return make(root, "value", 0);
}

function typeOf({ type, properties, items, prefixItems }: Json): unknown {
  const given = Array.isArray(type) ? type.find((each) => each !== "null") ?? "null" : type;
  if (given !== undefined) return given;
  if (properties) return "object";
  return items || prefixItems ? "array" : "string";
}

function makeText({ format, pattern, minLength, maxLength }: Json, name: string): string {
  if (typeof pattern === "string") return sampleOf(pattern);
  const text = FORMATS[String(format)] ?? name;
  const least = Math.min(Number(minLength ?? 0), MAX_TEXT);
  return text.padEnd(least, "x").slice(0, Number(maxLength ?? MAX_TEXT));
}

function makeNumber(schema: Json, step: number): number {
  const read = (name: string) => typeof schema[name] === "number" ? schema[name] : undefined;
  const above = read("exclusiveMinimum");
  const below = read("exclusiveMaximum");
  const least = read("minimum") ?? (above === undefined ? undefined : above + step);
  const most = read("maximum") ?? (below === undefined ? undefined : below - step);
  const value = Math.min(Math.max(1, least ?? 1), most ?? Infinity);
  const multiple = read("multipleOf");
  if (!multiple) return step === 1 ? Math.ceil(value) : value;
  const up = Math.ceil(value / multiple) * multiple;
  return most !== undefined && up > most ? Math.floor(most / multiple) * multiple : up;
}

function mergeSchemas(schemas: readonly unknown[]): Json {
  const merged: Record<string, unknown> = {};
  for (const schema of schemas.filter(isObject)) {
    for (const [name, value] of Object.entries(schema)) {
      const earlier = merged[name];
      if (name === "properties" && isObject(earlier) && isObject(value)) {
        merged[name] = { ...earlier, ...value };
      } else if (name === "required" && Array.isArray(earlier) && Array.isArray(value)) {
        merged[name] = [...earlier, ...value];
      } else merged[name] = value;
    }
  }
  return merged;
}
