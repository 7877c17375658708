import { z } from "zod";
import type { ServerConfig } from "./config.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { serverShape } from "./file_schema.ts";
import { isKeyVariable, isOneLine } from "./outside_text.ts";
import { keyIn, type References } from "./references.ts";
import { warningsOfTrust } from "./route.ts";
import { baseAddress, hostOf, toServer } from "./servers.ts";
import { diagnosticsIn } from "./zod_errors.ts";
import { expected, shown, table, tableAt, unknownIn } from "./zod_types.ts";

/** A server as it was added over the API, with the keys of `servers.servers`. */
export type WrittenServer = Readonly<Record<string, unknown>> & { readonly url: string };

/** A valid server or all of its problems, with warnings in either case. */
export type CheckedServer =
  & { readonly warnings: readonly Diagnostic[] }
  & (
    | { readonly ok: true; readonly written: WrittenServer; readonly config: ServerConfig }
    | { readonly ok: false; readonly problems: readonly Diagnostic[] }
  );

/** What a server is checked with. */
export interface AddedOptions extends Pick<References, "env"> {
  /** The proxy of all servers. @default none */
  readonly proxy: string | undefined;
}

/** The name of the source of servers that were added over the API. */
export const ADDED = "api";

/** Keys that name files of the router's machine, or credentials of its network. */
const ONLY_IN_FILE = { ca: true, client_cert: true, client_key: true, proxy: true } as const;
const MOST_MODELS = 1_000;
const LONGEST_URL = 2_048;

const line = expected<string>(
  "one line of up to 200 characters",
  (value) => typeof value === "string" && isOneLine(value),
);

/** A server as the API takes it: as in `servers.servers`, within bounds. */
const addedShape = z.object({
  ...serverShape.omit(ONLY_IN_FILE).shape,
  name: line.optional(),
  models: z.preprocess(
    // SMG describes models by objects.
    (models) =>
      Array.isArray(models) ? models.map((model) => tableAt(model)["id"] ?? model) : models,
    z.array(line, { error: ({ input }) => `expected a list of model names, got ${shown(input)}` })
      .min(1, "expected at least one model name").max(
        MOST_MODELS,
        `expected at most ${MOST_MODELS}`,
      ),
  ).optional(),
  // SMG's, whose prefill and decode servers need each other.
  worker_type: expected<"regular">('"regular"', (value) => value === "regular").optional(),
}, table('a server such as { "url": "http://gpu-server-1:8081" }'));

const AT = "server.";

/** Checks a server that is added over the API, and reports every problem at once. */
export function checkAddedServer(raw: unknown, { env, proxy }: AddedOptions): CheckedServer {
  const given = tableAt(raw);
  const parsed = addedShape.safeParse(raw);
  const problems = diagnosticsIn(parsed.error, AT)
    .map(({ where, what }) => ({ where: where.replace(/\.$/, ""), what }));
  const isRefused = (key: string) => Object.hasOwn(ONLY_IN_FILE, key);
  for (const key of Object.keys(given).filter(isRefused)) {
    const what = "can't be set over the API; list this server in the configuration file";
    problems.push({ where: AT + key, what });
  }
  const warnings = unknownIn(given, { ...addedShape.shape, ...ONLY_IN_FILE }, AT);
  if (typeof given["api_key"] === "string" && !isReference(given["api_key"])) {
    const what = "it is not kept over a restart; only a reference such as ${VLLM_API_KEY} is";
    warnings.push({ where: `${AT}api_key`, what });
  }
  const url = addressIn(given["url"], problems);
  const apiKey = apiKeyIn(given["api_key"], env, problems);
  if (!parsed.success || url === undefined) return { ok: false, problems, warnings };
  const { worker_type: _, ...server } = parsed.data;
  const identity = { url, name: server.name ?? hostOf(url), apiKey };
  const outside = { env, file: noFiles, resolve: (file: string) => file };
  const config = toServer(server, AT.slice(0, -1), identity, outside, problems, proxy);
  if (problems.length > 0) return { ok: false, problems, warnings };
  for (const { what } of warningsOfTrust({ servers: [config], discovery: [] })) {
    warnings.push({ where: `${AT}tls_skip_verify`, what });
  }
  // Without the defaults.
  const keys = Object.entries(server).filter(([key]) => Object.hasOwn(given, key));
  const written = { ...Object.fromEntries(keys), url };
  return { ok: true, written, config, warnings };
}

function addressIn(url: unknown, problems: Diagnostic[]): string | undefined {
  if (typeof url !== "string" || url.trim() === "") return undefined;
  const address = url.length > LONGEST_URL ? undefined : baseAddress(url);
  if (address !== undefined) return address;
  // It may contain a password, so it is not shown.
  const got = url.includes("@") ? "one with a user or password" : shown(url.slice(0, 200).trim());
  const what = `expected an address such as http://gpu-server-1:8081, got ${got}`;
  problems.push({ where: `${AT}url`, what });
  return undefined;
}

function apiKeyIn(
  written: unknown,
  env: References["env"],
  problems: Diagnostic[],
): string | undefined {
  if (typeof written !== "string" || written.trim() === "") return undefined;
  const where = `${AT}api_key`;
  const [other] = variablesIn(written).filter((name) => !isKeyVariable(name));
  if (other === undefined) return keyIn(written, where, { env }, problems);
  const what = `expected a variable whose name begins with VLLM_API_KEY, got ${shown(other)}`;
  problems.push({ where, what });
  return undefined;
}

function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, name]) => name!);
}

/** Whether a key is only a reference to a variable, and may be stored. */
export function isReference(apiKey: unknown): boolean {
  return typeof apiKey === "string" && apiKey.replace(/\$\{[^}]*\}/g, "").trim() === "";
}

function noFiles(): never {
  throw new Error("can't be read over the API");
}
