import { isIP } from "node:net";
import { z } from "zod";
import { expected, secret, table, text, wholeNumber } from "./zod_types.ts";

/** Limits of tokens. */
const tokenLimits = {
  tokens_per_minute: wholeNumber(1).optional(),
  tokens_per_day: wholeNumber(1).optional(),
};

/** The limits of one model. */
export const limitsShape = z.looseObject(
  tokenLimits,
  table("limits such as { tokens_per_minute = 60000 }"),
);

const modelLimits = z.record(
  z.string(),
  limitsShape,
  table("a table of limits by model"),
).optional();

/** A key with a name and limits. */
export const keyShape = z.looseObject({
  key: secret("a key, or sha256: and its hash"),
  name: text,
  models: z.array(text, table("a list of model names")).min(1, "expected at least one model name")
    .optional(),
  requests_per_minute: wholeNumber(1).optional(),
  max_in_flight: wholeNumber(1).optional(),
  ...tokenLimits,
  model_limits: modelLimits,
  priority: expected<number>(
    "a whole number",
    (value) => Number.isSafeInteger(value),
  ).optional(),
});

/** One entry of `api_keys`. */
const keyEntry = z.union([secret("a key"), keyShape], {
  error: 'expected a key, or a table such as { name = "lab", key = "sha256:…" }',
});

/** A list of keys, inline or in the file named by `api_keys_file`. */
export const keysShape = z.array(keyEntry, {
  error: "expected a list of keys; the value is not shown",
});

/** The table `[auth]`. */
export const authShape = z.looseObject({
  api_keys: keysShape.optional(),
  api_keys_file: text.optional(),
  model_limits: modelLimits,
}, { error: "expected a table; the value is not shown" });

/** The table `[admin]`. */
export const adminShape = z.looseObject({
  api_keys: z.array(secret("a key, or sha256: and its hash"), {
    error: "expected a list of keys; the value is not shown",
  }).optional(),
  listen: expected<string>(
    "an address and a port such as 127.0.0.1:9090",
    (value) => typeof value === "string" && addressIn(value) !== undefined,
  ).optional(),
  hosts: z.array(
    expected<string>(
      "a name such as router.internal, without a port",
      (value) => typeof value === "string" && /^[\w-]+(\.[\w-]+)*$/.test(value),
    ),
    table("a list of names"),
  ).default([]),
}, table("a table"));

/** The table `[tls]`. */
export const tlsShape = z.looseObject({
  cert: text,
  key: text,
}, table("a table with the file names cert and key"));

/** The table `[cors]`. */
export const corsShape = z.looseObject({
  allow_origins: z.array(
    expected<string>(
      'an origin such as "https://app.example.com", or "*"',
      (value) => typeof value === "string" && (value === "*" || URL.parse(value)?.origin === value),
    ),
    table("a list of origins"),
  ).default(["*"]),
}, table("a table"));

/** The addresses and networks in `trusted_proxies`. */
export const networks = z.array(
  expected<string>(
    "an address or a network such as 10.0.0.0/8",
    (value) => typeof value === "string" && isNetwork(value),
  ),
  table("a list of addresses and networks"),
);

/**
 * Splits `127.0.0.1:9090`, `[::1]:9090` or `localhost:9090` into host and port.
 *
 * @returns `undefined` if it is malformed or the port is above 65535
 */
export function addressIn(written: string): { hostname: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(written) ??
    [];
  const hostname = bracketed ?? plain;
  return hostname && Number(port) <= 65_535 ? { hostname, port: Number(port) } : undefined;
}

/** The inverse of {@linkcode addressIn}: puts an IPv6 address in brackets. */
export function hostAndPort(hostname: string, port: number): string {
  return `${isIP(hostname) === 6 ? `[${hostname}]` : hostname}:${port}`;
}

function isNetwork(written: string): boolean {
  const [, address = "", bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(written) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits ?? 0) <= (version === 4 ? 32 : 128);
}
