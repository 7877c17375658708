import {
  checkAddedServer,
  type CheckedServer,
  isReference,
  type WrittenServer,
} from "../../config/added_server.ts";
import type { ServerConfig } from "../../config/config.ts";
import type { Diagnostic } from "../../config/diagnostic.ts";
import { oneReason } from "../one_reason.ts";
import type { SourceListener, StartSource } from "../source.ts";

/** Most servers that can be added. */
export const MOST_ADDED = 1_000;

/** The servers that were added over the API. They are one more source of servers. */
export interface AddedServers {
  /** Starts the source. */
  readonly start: StartSource;
  /** Returns a server as it was added; `undefined` if this URL was not. */
  written(url: string): WrittenServer | undefined;
  /** Returns the URL of the server that was added under a name; `undefined` if none was. */
  named(name: string): string | undefined;
  /** How many there are. */
  count(): number;
  /** Checks a server and, if it is valid, adds it, or replaces the one that has its URL. */
  put(raw: unknown): CheckedServer;
  /** Removes a server. Returns `false` if this URL was not added. */
  remove(url: string): boolean;
  /** Checks all servers anew, with the proxy that is now in effect. Those that are invalid stay. */
  refresh(): void;
  /** Returns what is kept in the state file: the servers, without keys that are no reference. */
  save(): Iterable<string>;
  /** Adds the servers of a state file. Returns the problems of those that are not valid. */
  restore(saved: unknown): string | undefined;
}

/** The dependencies of {@linkcode openAddedServers}. */
export interface AddedServersOptions {
  /** Looks up an environment variable, for `${NAME}` in keys. @default the process's */
  readonly env?: (name: string) => string | undefined;
  /** Returns the proxy of all servers. */
  readonly proxy: () => string | undefined;
  /** Called after each change, to have it written to the state file. */
  readonly onChange: () => void;
}

interface Added {
  readonly written: WrittenServer;
  readonly config: ServerConfig;
}

/** Keeps the servers that are added over the API. There are none at first. */
export function openAddedServers(options: AddedServersOptions): AddedServers {
  const { env = (name: string) => Deno.env.get(name), proxy, onChange } = options;
  const servers = new Map<string, Added>();
  let listener: SourceListener | undefined;
  const check = (raw: unknown) => checkAddedServer(raw, { env, proxy: proxy() });

  function report(): void {
    const found = [...servers.values()].map(({ config }) => ({ config, draining: false }));
    listener?.onServers(found);
  }

  function changed(): void {
    report();
    onChange();
  }

  function put(raw: unknown): CheckedServer {
    const checked = check(raw);
    if (checked.ok && servers.size >= MOST_ADDED && !servers.has(checked.written.url)) {
      const what = `${MOST_ADDED} servers have been added, and no more can be`;
      return { ...checked, ok: false, problems: [{ where: "server.url", what }] };
    }
    if (checked.ok) servers.set(checked.written.url, checked);
    return checked;
  }

  /** Restores one server. Returns its problems. */
  function restoreOne(saved: unknown): readonly Diagnostic[] {
    const checked = put(saved);
    if (checked.ok) return [];
    // A variable that isn't set must not cost the server: without a key, it is seen to need one.
    const { api_key, ...others } = Object(saved) as Record<string, unknown>;
    if (isReference(api_key)) {
      const keyless = check(others);
      if (keyless.ok) {
        servers.set(keyless.written.url, { ...keyless, written: { ...keyless.written, api_key } });
      }
    }
    return checked.problems;
  }

  return {
    start(heard) {
      listener = heard;
      report();
      return {
        stop: () => {
          listener = undefined;
          return Promise.resolve();
        },
      };
    },
    written: (url) => servers.get(url)?.written,
    named: (name) => [...servers.values()].find(({ config }) => config.name === name)?.config.url,
    count: () => servers.size,
    put(raw) {
      const checked = put(raw);
      if (checked.ok) changed();
      return checked;
    },
    remove(url) {
      const had = servers.delete(url);
      if (had) changed();
      return had;
    },
    refresh() {
      for (const { written } of servers.values()) put(written);
      report();
    },
    *save() {
      let separator = "[";
      for (const { written: { api_key, ...others } } of servers.values()) {
        const kept = isReference(api_key) ? { ...others, api_key } : others;
        yield separator + JSON.stringify(kept);
        separator = ",\n";
      }
      yield separator === "[" ? "[]" : "]";
    },
    restore(saved) {
      if (!Array.isArray(saved) || saved.length > MOST_ADDED) {
        return `list: expected a list of up to ${MOST_ADDED} servers`;
      }
      const problems = saved.flatMap((server, index) =>
        restoreOne(server).map(({ where, what }) =>
          `${where.replace(/^server\b/, `list[${index}]`)}: ${what}`
        )
      );
      report();
      return oneReason(problems);
    },
  };
}
