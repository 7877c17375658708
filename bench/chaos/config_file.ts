/** The router's configuration file in a folder of its own. */
export interface ConfigFile {
  readonly path: string;
  /** Writes it as it should be by now, in one step as editors do. */
  write(): Promise<void>;
  /** Takes a server out. */
  remove(server: number): Promise<void>;
  /** Puts a server back. */
  restore(server: number): Promise<void>;
  /** Writes what is no TOML. */
  spoil(): Promise<void>;
}

/** More than all clients together, so that the load alone decides. */
const CAPACITY = 64;

/** A file with those servers and settings, not yet written. */
export function configFile(
  folder: string,
  urls: readonly string[],
  settings: Readonly<Record<string, number | string>>,
): ConfigFile {
  const path = `${folder}/servers.toml`;
  const removed = new Set<number>();
  let written = Promise.resolve();

  function replace(text: string): Promise<void> {
    // One after the other: two that write the same temporary file would mix.
    written = written.then(async () => {
      await Deno.writeTextFile(`${path}.new`, text);
      await Deno.rename(`${path}.new`, path);
    });
    return written;
  }
  function text(): string {
    // Named by their number, by which the router's log tells them.
    const servers = urls
      .map((url, server) =>
        `  { url = "${url}", name = "${server}", max_concurrent_requests = ${CAPACITY} },`
      )
      .filter((_, server) => !removed.has(server));
    const lines = Object.entries(settings).map(([key, value]) =>
      `${key} = ${JSON.stringify(value)}`
    );
    return ["[servers]", "servers = [", ...servers, "]", "", "[config]", ...lines, ""].join("\n");
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
