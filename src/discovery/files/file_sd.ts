import { z } from "zod";
import { addressIn } from "../../config/access_schema.ts";
import type { Discovery } from "../../config/discovery.ts";
import { type EngineName, engineNames } from "../../config/engine_name.ts";
import { isOneLine } from "../../config/outside_text.ts";
import { diagnosticsIn } from "../../config/zod_errors.ts";
import { expected, table } from "../../config/zod_types.ts";
import { discoveredServer } from "../server.ts";
import type { DiscoveredServer } from "../source.ts";
import { type ParsedText, parseYaml } from "./parse_yaml.ts";

/** The servers of a file, or what is wrong with it: then none of it counts. */
export type Parsed =
  | { readonly servers: readonly DiscoveredServer[] }
  | { readonly problem: string };

const isText = (value: unknown): value is string => typeof value === "string";

const target = expected<string>(
  'a target such as "10.0.0.3:8000" or a URL',
  (value) => isText(value) && Boolean(addressIn(value) ?? URL.parse(value)),
);

/** The labels that say something to the router; others are for Prometheus. */
const labels = z.looseObject({
  __scheme__: label("http or https", (text) => text === "http" || text === "https"),
  max_concurrent_requests: label(
    "a whole number of at least 1",
    (text) => /^\d+$/.test(text) && Number(text) >= 1 && Number.isSafeInteger(Number(text)),
  ),
  name: label(
    "a name of up to 200 characters",
    (text) => text.trim() !== "" && isOneLine(text),
  ),
  engine: label(
    `one of ${engineNames.join(", ")}`,
    (text) => engineNames.some((name) => name === text),
  ),
  models: label("model names separated by commas", (text) => namesIn(text).length > 0),
  draining: label("true or false", (text) => text === "true" || text === "false"),
}, table("a table of labels"));

const groups = z.array(
  z.looseObject({
    targets: z.array(target, table("a list of targets")),
    labels: labels.nullish(),
  }, table('a group such as { "targets": ["10.0.0.3:8000"] }')),
  table("a list of groups of targets"),
);

/** YAML may write `8` and `true` without quotation marks. */
function label(what: string, accepts: (text: string) => boolean) {
  return expected<string | number | boolean>(
    what,
    (value) => ["string", "number", "boolean"].includes(typeof value) && accepts(String(value)),
  ).transform(String).optional();
}

const namesIn = (text: string) =>
  text.split(",").map((name) => name.trim()).filter((name) => name !== "");

/**
 * Reads a file of Prometheus' `file_sd`.
 *
 * @param entry what its servers have in common
 */
export function parseFileSd(
  text: string,
  isYaml: boolean,
  entry: Pick<Discovery, "scheme" | "defaults">,
): Parsed {
  const read = isYaml ? parseYaml(text) : parseJson(text);
  if (read.problem !== undefined) return { problem: read.problem };
  // Empty YAML is null. The file is probably about to be written, so this doesn't mean no servers.
  if (read.raw === null) return { problem: "it is empty; [] means no servers" };
  const parsed = groups.safeParse(read.raw);
  if (!parsed.success) {
    const [first] = diagnosticsIn(parsed.error, "");
    return { problem: `${first!.where}: ${first!.what}` };
  }
  const servers: DiscoveredServer[] = [];
  for (const [index, { targets, labels }] of parsed.data.entries()) {
    for (const [place, target] of targets.entries()) {
      const config = discoveredServer(target, entry, saidIn(labels), schemeIn(labels));
      // A URL may contain a password, so it is not shown.
      const where = `[${index}].targets[${place}]`;
      if (!config) {
        return { problem: `${where}: expected host:port or a URL without user or query` };
      }
      servers.push({ config, draining: labels?.draining === "true" });
    }
  }
  return { servers };
}

type Labels = z.output<typeof groups>[number]["labels"];

function saidIn(labels: Labels): Parameters<typeof discoveredServer>[2] {
  const { max_concurrent_requests: capacity, name, engine, models } = labels ?? {};
  return {
    ...(capacity !== undefined && { capacity: Number(capacity) }),
    ...(name !== undefined && { name }),
    ...(engine !== undefined && { engine: engine as EngineName }),
    ...(models !== undefined && { models: namesIn(models) }),
  };
}

function schemeIn(labels: Labels): Discovery["scheme"] | undefined {
  return labels?.__scheme__ as Discovery["scheme"] | undefined;
}

function parseJson(text: string): ParsedText {
  try {
    return { raw: JSON.parse(text) };
  } catch (error) {
    const [, line, column] = /line (\d+) column (\d+)/.exec((error as Error).message) ?? [];
    return { problem: line ? `line ${line}, column ${column}: not valid JSON` : "not valid JSON" };
  }
}
