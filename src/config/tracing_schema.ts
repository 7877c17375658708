import { z } from "zod";
import { secret, share, table, text } from "./zod_types.ts";

/** The table `[tracing]`. */
export const tracingShape = z.looseObject({
  endpoint: text.optional(),
  headers: z.record(
    z.string(),
    secret("a header's value"),
    table('a table such as { authorization = "Bearer ${TOKEN}" }'),
  ).default({}),
  sample_ratio: share.optional(),
  service_name: text.optional(),
}, table("a table"));

/** A validated `[tracing]` table. */
export type RawTracing = z.output<typeof tracingShape>;
