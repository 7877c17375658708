/** Tells whether a server takes connections, or at least answers, within some milliseconds. */
export type ConnectProbe = (url: string, withinMs: number) => Promise<boolean>;

/**
 * Looks for servers by opening a connection and closing it. A refused connection is `fetch`'s to
 * tell: only packets that vanish make it `false`. Requests that wait for the same server share one
 * look, whose result holds for as long as it may take.
 */
export function createConnectProbe(): ConnectProbe {
  const looks = new Map<string, { readonly found: Promise<boolean>; readonly until: number }>();
  return (url, withinMs) => {
    const { protocol, hostname, port } = new URL(url);
    const address = {
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (protocol === "https:" ? 443 : 80),
    };
    const key = `${address.hostname} ${address.port}`;
    const now = performance.now();
    const known = looks.get(key);
    if (known && now < known.until) return known.found;
    const found = connects(address, withinMs);
    looks.set(key, { found, until: now + withinMs });
    return found;
  };
}

async function connects(address: Deno.ConnectOptions, withinMs: number): Promise<boolean> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), withinMs);
  try {
    (await Deno.connect({ ...address, signal: abort.signal })).close();
    return true;
  } catch {
    return !abort.signal.aborted;
  } finally {
    clearTimeout(timer);
  }
}
