import settings from "../deno.json" with { type: "json" };

/** The router's version, from deno.json. */
export const VERSION: string = settings.version;
