import { ADDED } from "../config/added_server.ts";
import type { AddedServers } from "../discovery/added/added_servers.ts";
import { baseAddress } from "../config/servers.ts";
import type { Diagnostic } from "../config/diagnostic.ts";
import type { Server } from "../fleet/state/server.ts";
import { workerId } from "./worker_document.ts";

/** Why servers were not changed. `code` is SMG's where it has one. */
export interface NotChanged {
  readonly status: 400 | 404 | 409;
  readonly code:
    | "BAD_REQUEST"
    | "WORKER_NOT_FOUND"
    | "WORKER_ALREADY_EXISTS"
    | "WORKER_NAME_TAKEN"
    | "WORKER_NOT_ADDED";
  readonly error: string;
}

/** A server that was changed. */
export interface Changed {
  readonly url: string;
  /** What was ignored, or is to be known. */
  readonly warnings: readonly string[];
}

/** Changes the servers that are added over the API. Changes are in effect when they resolve. */
export interface ServerChanges {
  /** All servers but those that were removed. */
  servers(): readonly Readonly<Server>[];
  /** Finds a server by its id or its URL. */
  find(id: string): Readonly<Server> | undefined;
  /** Adds the server that a table describes. */
  add(raw: unknown): Promise<Changed | NotChanged>;
  /** Replaces what is said of a server. */
  replace(server: Readonly<Server>, raw: unknown): Promise<Changed | NotChanged>;
  /** Changes some of what is said of a server. */
  change(server: Readonly<Server>, raw: unknown): Promise<Changed | NotChanged>;
  /** Removes the server at this URL, which then finishes its requests. */
  remove(url: string): Promise<Changed | NotChanged>;
}

/** The dependencies of {@linkcode createServerChanges}. */
export interface ServerChangesOptions {
  /** All servers, including those that were removed and finish their requests. */
  readonly all: () => readonly Readonly<Server>[];
  readonly added: AddedServers;
  /** Resolves when the changes made by now are in effect. */
  readonly applied: () => Promise<void>;
}

/** Decides which changes are allowed: to servers that were added over the API, and to no others. */
export function createServerChanges(
  { all, added, applied }: ServerChangesOptions,
): ServerChanges {
  const servers = () => all().filter(({ draining }) => !draining);
  const at = (url: string) => servers().find(({ config }) => config.url === url);

  async function put(raw: unknown): Promise<Changed | NotChanged> {
    const { name, url } = Object(raw) as Record<string, unknown>;
    const own = typeof url === "string" ? baseAddress(url) : undefined;
    // A server that was added a moment ago is not in the list yet.
    const taken = servers().find(({ config }) => config.name === name && config.url !== own)
      ?.config.url ?? (typeof name === "string" ? added.named(name) : undefined);
    if (taken !== undefined && taken !== own) return nameTaken(String(name), taken);
    const checked = added.put(raw);
    if (!checked.ok) return notValid(checked.problems);
    await applied();
    return { url: checked.written.url, warnings: checked.warnings.map(lineOf) };
  }

  function whyFixed(server: Readonly<Server>): NotChanged | undefined {
    const { source, url } = server.config;
    if (source !== ADDED) return notAdded(server);
    // A server that was removed a moment ago is still in the list.
    return added.written(url) ? undefined : notFound(url);
  }

  async function replace(server: Readonly<Server>, raw: unknown): Promise<Changed | NotChanged> {
    const { url } = Object(raw) as Record<string, unknown>;
    const isOther = typeof url === "string" && baseAddress(url) !== server.config.url;
    return whyFixed(server) ?? (isOther ? otherUrl(server, url) : await put(raw));
  }

  return {
    servers,
    find(id) {
      const url = baseAddress(id);
      const isMeant = ({ config }: Readonly<Server>) =>
        url === undefined ? workerId(config.url) === id.toLowerCase() : config.url === url;
      return servers().find(isMeant);
    },
    async add(raw) {
      const { url: written } = Object(raw) as Record<string, unknown>;
      const url = (typeof written === "string" && baseAddress(written)) || "";
      const known = at(url);
      if (known) return alreadyThere(url, placeOf(known));
      // One that was added a moment ago, and is not in effect yet.
      return added.written(url) ? alreadyThere(url, placeOf()) : await put(raw);
    },
    replace,
    async change(server, raw) {
      if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return await put(raw);
      const changed = { ...added.written(server.config.url), ...raw };
      const isThere = ([, value]: [string, unknown]) => value !== null;
      return await replace(server, Object.fromEntries(Object.entries(changed).filter(isThere)));
    },
    async remove(written) {
      const url = baseAddress(written) ?? written;
      const server = at(url);
      if (!added.remove(url)) return (server && whyFixed(server)) ?? notFound(written);
      await applied();
      const other = at(url);
      const stays = other && `server.url: ${url} stays, since it is named by ${placeOf(other)} too`;
      return { url, warnings: stays === undefined ? [] : [stays] };
    },
  };
}

const lineOf = ({ where, what }: Diagnostic) => `${where}: ${what}`;

/** Where a server comes from, for a message. */
const placeOf = (server?: Readonly<Server>) =>
  server && server.config.source === undefined
    ? "the configuration file"
    : `the source \`${server?.config.source ?? ADDED}\``;

const notValid = (problems: readonly Diagnostic[]): NotChanged => ({
  status: 400,
  code: "BAD_REQUEST",
  error: problems.map(lineOf).join("; "),
});

const otherUrl = ({ config }: Readonly<Server>, url: string): NotChanged => ({
  status: 400,
  code: "BAD_REQUEST",
  error: `server.url: expected ${config.url}, got ${url.slice(0, 200)}; ` +
    "to change it, remove the server and add another one",
});

/** No server has this id or URL. */
export const notFound = (id: string): NotChanged => ({
  status: 404,
  code: "WORKER_NOT_FOUND",
  error: `Worker ${id.slice(0, 200)} not found`,
});

const alreadyThere = (url: string, place: string): NotChanged => ({
  status: 409,
  code: "WORKER_ALREADY_EXISTS",
  error: `Worker already exists at URL '${url}' with ID ${workerId(url)}, named by ${place}.`,
});

const nameTaken = (name: string, url: string): NotChanged => ({
  status: 409,
  code: "WORKER_NAME_TAKEN",
  error: `server.name: expected a unique name, got "${name}", the name of ${url}`,
});

const notAdded = (server: Readonly<Server>): NotChanged => ({
  status: 409,
  code: "WORKER_NOT_ADDED",
  error: `${server.config.url} is named by ${placeOf(server)}, and can only be changed there`,
});
