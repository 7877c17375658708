/** A file in the format of Prometheus, with the servers that took the place of others. */
export interface TargetsFile {
  readonly path: string;
  add(server: number, url: string): Promise<void>;
  remove(server: number): Promise<void>;
}

/** Writes the file, with no server yet. */
export async function createTargetsFile(folder: string, capacity: number): Promise<TargetsFile> {
  const path = `${folder}/replaced.json`;
  const urls = new Map<number, string>();
  let written = Promise.resolve();

  function write(): Promise<void> {
    // As in the configuration file, a server's name is its number.
    const groups = [...urls].map(([server, url]) => ({
      targets: [url],
      labels: { name: String(server), max_concurrent_requests: String(capacity) },
    }));
    const text = JSON.stringify(groups);
    written = written.then(async () => {
      await Deno.writeTextFile(`${path}.new`, text);
      await Deno.rename(`${path}.new`, path);
    });
    return written;
  }
  await write();
  return {
    path,
    add: (server, url) => (urls.set(server, url), write()),
    remove: (server) => (urls.delete(server), write()),
  };
}
