/**
 * Whether a server's address takes connections, or at least answers: a refused connection is
 * `fetch`'s to tell. Only packets that vanish make it `false`.
 *
 * @param url any address at that server
 */
export async function isReachable(url: string, withinMs: number): Promise<boolean> {
  const { protocol, hostname, port } = new URL(url);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), withinMs);
  try {
    const connection = await Deno.connect({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (protocol === "https:" ? 443 : 80),
      signal: abort.signal,
    });
    connection.close();
    return true;
  } catch {
    return !abort.signal.aborted;
  } finally {
    clearTimeout(timer);
  }
}
