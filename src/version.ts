import settings from "../deno.json" with { type: "json" };

/** The router's version, from the one place that states it. */
export const VERSION: string = settings.version;
