/** Number of cases per property; the environment variable `PROPERTY_RUNS` overrides it. */
export const numRuns = Number(Deno.env.get("PROPERTY_RUNS") ?? 2_000);
