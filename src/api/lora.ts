import type { Server } from "../fleet/state/server.ts";
import * as errors from "../http/api_errors.ts";
import { errorResponse } from "../http/error_answer.ts";
import type { ClientPool } from "../http/client_pool.ts";
import { failureIn } from "../http/fetch_error.ts";
import { bodyText } from "./body_text.ts";
import { noServer } from "./drain.ts";

/** vLLM's paths. Each server needs `VLLM_ALLOW_RUNTIME_LORA_UPDATING=1`. */
export const ADAPTER_PATHS = ["/v1/load_lora_adapter", "/v1/unload_lora_adapter"] as const;

/** The dependencies of {@linkcode createLora}. */
export interface LoraOptions {
  readonly servers: () => readonly Readonly<Server>[];
  readonly connections: Pick<ClientPool, "to">;
  /** Has all servers list their models again. */
  readonly relist: () => Promise<void>;
}

/** What one server said. */
interface Result {
  readonly server: string;
  readonly ok: boolean;
  readonly message: string;
}

/** Loading reads weights from a disk, or from far away. */
const TIMEOUT_MS = 300_000;
const LONGEST_BODY = 64 * 1024;
const LONGEST_MESSAGE = 1_024;

/**
 * Answers requests that load or unload a LoRA adapter: on the server named by `?server=`, or on all
 * servers that have the base model, which `?base=` names if there are several. An adapter is
 * unloaded from all servers that list it. The answer has what each server said; its status is 200
 * if all succeeded, else 502.
 */
export function createLora(
  { servers, connections, relist }: LoraOptions,
): (request: Request) => Promise<Response> {
  async function ask(server: Readonly<Server>, path: string, body: string): Promise<Result> {
    const { name, url, apiKey } = server.config;
    const headers: [string, string][] = [["content-type", "application/json"]];
    if (apiKey !== undefined) headers.push(["authorization", `Bearer ${apiKey}`]);
    const bytes = new TextEncoder().encode(body);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const { fetch } = connections.to(server.config);
      const response = await fetch(url + path, { method: "POST", headers, body: bytes, signal });
      const message = await bodyText(response, LONGEST_BODY) ?? "its answer is too long";
      return { server: name, ok: response.ok, message: message.slice(0, LONGEST_MESSAGE) };
    } catch (error) {
      return { server: name, ok: false, message: failureIn(error) };
    }
  }

  return async function loadAdapter(request) {
    const { pathname, searchParams } = new URL(request.url);
    const body = await bodyText(request, LONGEST_BODY);
    const adapter = body === undefined ? undefined : adapterIn(body);
    if (body === undefined || adapter === undefined) return errorResponse(noAdapter);
    const isLoad = pathname === ADAPTER_PATHS[0];
    const wanted = { server: searchParams.get("server"), base: searchParams.get("base") };
    const found = isLoad
      ? targetsOf(servers(), wanted)
      : holdersOf(servers(), adapter, wanted.server);
    if ("status" in found) return errorResponse(found);
    const results = await Promise.all(found.map((server) => ask(server, pathname, body)));
    await relist();
    const isDone = results.every(({ ok }) => ok);
    return Response.json({ adapter, results }, { status: isDone ? 200 : 502 });
  };
}

type Servers = readonly Readonly<Server>[];

/** The servers on which an adapter is loaded. */
function targetsOf(
  servers: Servers,
  wanted: { readonly server: string | null; readonly base: string | null },
): Servers | errors.ApiError {
  const staying = servers.filter(({ draining }) => !draining);
  if (wanted.server !== null) return named(staying, wanted.server);
  const bases = new Set(
    staying.flatMap(({ models }) => [...models.values()])
      .filter(({ parent }) => typeof parent !== "string").map(({ id }) => id),
  );
  const base = wanted.base ?? (bases.size === 1 ? [...bases][0]! : undefined);
  if (base === undefined) return severalBases([...bases]);
  const found = staying.filter(({ models }) => models.has(base));
  return found.length > 0 ? found : errors.unknownModel(base);
}

/** The servers from which an adapter is unloaded. */
function holdersOf(
  servers: Servers,
  adapter: string,
  server: string | null,
): Servers | errors.ApiError {
  if (server !== null) return named(servers, server);
  const found = servers.filter(({ models }) => models.has(adapter));
  return found.length > 0 ? found : errors.unknownModel(adapter);
}

function named(servers: Servers, name: string): Servers | errors.ApiError {
  const found = servers.filter(({ config }) => config.name === name);
  return found.length > 0 ? found : noServer(name);
}

function adapterIn(body: string): string | undefined {
  try {
    const { lora_name: name } = JSON.parse(body);
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}

const noAdapter = errors.badRequest(
  "Expected a JSON object with `lora_name`, and to load one with `lora_path`.",
  "lora_name",
);

const severalBases = (bases: readonly string[]) =>
  errors.badRequest(
    bases.length === 0
      ? "No server lists a model."
      : `Name the base model by \`?base=\`, or a server by \`?server=\`: ${bases.join(", ")}.`,
  );
