/** How many cases a property is tried with; the environment variable `PROPERTY_RUNS` says more. */
export const numRuns = Number(Deno.env.get("PROPERTY_RUNS") ?? 2_000);
