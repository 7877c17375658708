import { isIP } from "node:net";
import { z } from "zod";
import { addressIn } from "./access_schema.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { kubernetesShape } from "./kubernetes_schema.ts";
import { expected, seconds, table, tableAt, unknownIn } from "./zod_types.ts";

/** `dns` of an entry of `discovery`. */
export const dnsShape = z.looseObject({
  name: expected<string>(
    "a host name such as vllm.internal",
    (value) => typeof value === "string" && /^[\w-]+(\.[\w-]+)*\.?$/.test(value),
  ),
  port: expected<number>(
    "a port from 1 to 65535",
    (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535,
  ).optional(),
  type: z.enum(["A", "AAAA", "SRV"], { error: 'expected "A", "AAAA" or "SRV"' }).optional(),
  every: seconds(10),
  resolver: expected<string>(
    "the address and port of a name server, such as 127.0.0.1:8600",
    (value) => typeof value === "string" && isIP(addressIn(value)?.hostname ?? "") !== 0,
  ).optional(),
}, table('a table such as { name = "vllm.internal", port = 8000 }'));

/** `files` of an entry of `discovery`. */
const filesShape = z.array(
  expected<string>(
    'the path of .json, .yaml or .yml files, with "*" in its last part only',
    (value) => typeof value === "string" && /^[^*]*?[^/]*\.(json|ya?ml)$/i.test(value),
  ),
  table("a list of paths"),
).min(1, "expected at least one path");

/** The kinds of sources. An entry of `discovery` has exactly one of them. */
export const sourceShapes = {
  dns: dnsShape.optional(),
  files: filesShape.optional(),
  kubernetes: kubernetesShape.optional(),
};

/** `dns`, validated, in the file's units. */
export type RawDns = z.output<typeof dnsShape>;

/** Finds the unknown keys of an entry's source. */
export function unknownInSources(entry: Record<string, unknown>, at: string): Diagnostic[] {
  return [
    ...unknownIn(tableAt(entry, "dns"), dnsShape.shape, `${at}dns.`),
    ...unknownIn(tableAt(entry, "kubernetes"), kubernetesShape.shape, `${at}kubernetes.`),
  ];
}
