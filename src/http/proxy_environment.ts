/** Variables that make the runtime use a proxy, or bypass it. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);

/** Returns the names of the proxy variables that are set. The router ignores them. */
export function unusedProxies(): string[] {
  return PROXY_VARIABLES.filter((name) => !/^no/i.test(name) && Deno.env.get(name));
}

/** Calls `make` without the proxy variables, since HTTP clients read them and can't opt out. */
export function withoutProxies<T>(make: () => T): T {
  const kept = PROXY_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const [name] of kept) Deno.env.delete(name);
  try {
    return make();
  } finally {
    for (const [name, value] of kept) if (value !== undefined) Deno.env.set(name, value);
  }
}
