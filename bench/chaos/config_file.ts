/** The router's configuration file, in its own folder. */
export interface ConfigFile {
  readonly path: string;
  /** Writes the current configuration in one step, as editors do. */
  write(): Promise<void>;
  /** Removes a server. */
  remove(server: number): Promise<void>;
  /** Puts a server back. */
  restore(server: number): Promise<void>;
  /** Writes invalid TOML. */
  spoil(): Promise<void>;
}

/** More than the number of clients, so that only the load decides. */
export const CAPACITY = 64;

/**
 * Prepares a file with these servers and settings, without writing it yet.
 *
 * @param tables further tables, as TOML
 */
export function configFile(
  folder: string,
  urls: readonly string[],
  settings: Readonly<Record<string, number | string | boolean>>,
  tables: readonly string[] = [],
): ConfigFile {
  const path = `${folder}/servers.toml`;
  const removed = new Set<number>();
  let written = Promise.resolve();

  function replace(text: string): Promise<void> {
    // Writes are sequential, because they share one temporary file.
    written = written.then(async () => {
      await Deno.writeTextFile(`${path}.new`, text);
      await Deno.rename(`${path}.new`, path);
    });
    return written;
  }
  function text(): string {
    // Servers are named by their number, which identifies them in the router's log.
    const servers = urls
      .map((url, server) =>
        `  { url = "${url}", name = "${server}", max_concurrent_requests = ${CAPACITY} },`
      )
      .filter((_, server) => !removed.has(server));
    const lines = Object.entries(settings).map(([key, value]) =>
      `${key} = ${JSON.stringify(value)}`
    );
    const own = ["[servers]", "servers = [", ...servers, "]", "", "[config]", ...lines, ""];
    return [...own, ...tables].join("\n") + "\n";
  }
  const write = () => replace(text());
  return {
    path,
    write,
    remove: (server) => (removed.add(server), write()),
    restore: (server) => (removed.delete(server), write()),
    spoil: () => replace(`${text()}]]`),
  };
}
