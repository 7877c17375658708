import { z } from "zod";
import { secret, table, text } from "./zod_types.ts";

/** The table `[peers]`. */
export const peersShape = z.looseObject({
  routers: z.array(text, table('a list such as ["http://router-2:9090"]'))
    .min(1, "expected at least one router"),
  key: secret("a key").optional(),
}, table("a table"));

/** A validated `[peers]` table. */
export type RawPeers = z.output<typeof peersShape>;
