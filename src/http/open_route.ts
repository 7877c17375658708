import { rootCertificates } from "node:tls";
import type { ServerConfig } from "../config/config.ts";
import { fetchBy, type Fetches } from "./fetch.ts";
import type { IdleLimits } from "./h1/server_pool.ts";
import { openHttps } from "./https_fetch.ts";

/** Fetches over the connections to one server. */
export interface ServerConnections extends Omit<Fetches, "close"> {
  /** Address of the proxy they go through. @default no proxy */
  readonly proxy?: string;
}

/** The part of a server's configuration that determines its connections. */
export type Route = Pick<
  ServerConfig,
  "ca" | "isSelfSigned" | "tlsSkipVerify" | "tlsServerName" | "proxy" | "clientCertificate"
>;

/** Opens the connections of a route. Uses `node:https` only where `fetch`, at half the cost, can't trust
 * the certificate, or can't check it against another name than the URL's. */
export function openRoute(route: Route, { idleMs, most }: IdleLimits): ServerConnections & Fetches {
  const { ca, isSelfSigned, tlsSkipVerify, tlsServerName, proxy } = route;
  const isNamed = tlsServerName !== undefined && proxy === undefined;
  if (!isSelfSigned && !tlsSkipVerify && !isNamed) return openClients(route, { idleMs, most });
  // `node:https` trusts those of a list only.
  const trusted = [...isNamed && !isSelfSigned ? rootCertificates : [], ...ca ? [ca] : []];
  return openHttps({ ...route, ca: trusted, idleMs, idlePerServer: most });
}

function openClients(
  { ca, proxy, clientCertificate }: Route,
  { idleMs, most }: IdleLimits,
): ServerConnections & Fetches {
  const via = proxy === undefined ? undefined : viaProxy(proxy);
  const options = {
    http2: false,
    ...(ca !== undefined && { caCerts: [ca] }),
    ...clientCertificate,
    ...(via && { proxy: via }),
  };
  const client = Deno.createHttpClient({
    ...options,
    poolIdleTimeout: idleMs,
    poolMaxIdlePerHost: most,
  });
  const freshClient = Deno.createHttpClient({ ...options, poolMaxIdlePerHost: 0 });
  return {
    fetch: fetchBy(client),
    fetchFresh: fetchBy(freshClient),
    ...(via && { proxy: via.url }),
    close() {
      client.close();
      freshClient.close();
    },
  };
}

/** Moves the credentials from the URL into `basicAuth`. */
function viaProxy(proxy: string) {
  const url = new URL(proxy);
  const basicAuth = {
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  url.username = url.password = "";
  return { url: url.href, ...(basicAuth.username && { basicAuth }) };
}
