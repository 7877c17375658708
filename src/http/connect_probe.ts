/** Returns whether a server accepts or refuses a connection within `withinMs`. */
export type ConnectProbe = (url: string, withinMs: number) => Promise<boolean>;

/**
 * Creates a probe that opens and closes a TCP connection. The result is `false` only if it times
 * out, as when packets are dropped: `fetch` reports refused connections itself. Requests to the same
 * server share one probe, whose result is valid for `withinMs` from its start.
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
