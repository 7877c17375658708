import { isAuthorityFor } from "../config/route.ts";
import { baseAddress, hostOf } from "../config/servers.ts";
import type { Discovery } from "../config/discovery.ts";
import type { ServerConfig } from "../config/config.ts";

/** What a source says of one server, in place of the defaults. */
export type Said = Partial<
  Pick<ServerConfig, "name" | "capacity" | "engine" | "models" | "apiKey" | "tlsServerName">
>;

/**
 * Builds the configuration of a server that a source has found.
 *
 * @param address `host:port`, with an IPv6 address in brackets, or a URL
 * @param scheme that of an address without one. @default the source's
 * @returns `undefined` if it isn't a valid address
 */
export function discoveredServer(
  address: string,
  { scheme: usual, defaults }: Pick<Discovery, "scheme" | "defaults">,
  said: Said = {},
  scheme: Discovery["scheme"] = usual,
): ServerConfig | undefined {
  const url = baseAddress(/^\w+:\/\//.test(address) ? address : `${scheme}://${address}`);
  if (url === undefined) return undefined;
  const { tlsSkipVerify, ...others } = defaults;
  return {
    ...others,
    ...(tlsSkipVerify && url.startsWith("https:") && { tlsSkipVerify }),
    ...(defaults.ca !== undefined && isAuthorityFor(url, defaults.ca) && { isSelfSigned: true }),
    name: hostOf(url),
    ...said,
    url,
  };
}
