import { createPrivateKey, X509Certificate } from "node:crypto";
import { checkServerIdentity } from "node:tls";
import type { Config, ServerConfig } from "./config.ts";
import { expandEnv, readReferences, type References } from "./references.ts";
import { shown } from "./zod_types.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { RawDefaults } from "./file_schema.ts";

/** Valid host names, stricter than the URL parser. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)$/i;

/** Whether a host from the URL parser is one that a connection could be made to. */
export function isHost(hostname: string): boolean {
  return HOST.test(hostname);
}

/** Value of a server's `proxy` that overrides the global proxy with a direct connection. */
const DIRECTLY = "none";
const PROXY_SCHEMES = /^(https?|socks5h?):$/;

/**
 * Returns the URL of a proxy with its variables expanded.
 *
 * @returns `undefined` for a direct connection, or after reporting a problem
 */
export function proxyIn(
  written: string | undefined,
  where: string,
  outside: References,
  problems: Diagnostic[],
): string | undefined {
  if (written === undefined || written === DIRECTLY) return undefined;
  const before = problems.length;
  const url = URL.parse(expandEnv(written, where, outside, problems).trim());
  if (problems.length > before) return undefined;
  if (url && PROXY_SCHEMES.test(url.protocol) && isHost(url.hostname)) return url.href;
  // It may contain a password.
  const what =
    "expected a proxy address such as http://proxy.internal:3128; the value is not shown";
  problems.push({ where, what });
  return undefined;
}

/** The certificates in a file; `undefined` where none is named, or where it can't be read. */
export function certificatesIn(
  name: string | undefined,
  where: string,
  outside: References,
  problems: Diagnostic[],
): string | undefined {
  const pem = readReferences(name, where, outside, problems);
  if (pem !== undefined && !areCertificates(pem)) {
    problems.push({ where, what: `expected PEM certificates in ${shown(name)}` });
  }
  return pem;
}

/** Returns a server's TLS trust settings, which extend the built-in CAs. */
export function trustIn(
  { ca: name, tls_skip_verify: tlsSkipVerify }: RawDefaults,
  { at, url, proxy }: {
    readonly at: string;
    readonly url: string;
    readonly proxy: string | undefined;
  },
  outside: References,
  problems: Diagnostic[],
): Pick<ServerConfig, "ca" | "isSelfSigned" | "tlsSkipVerify"> {
  const ca = certificatesIn(name, `${at}.ca`, outside, problems);
  const isSelfSigned = ca !== undefined && isAuthorityFor(url, ca);
  const refuse = (key: string, what: string) => problems.push({ where: `${at}.${key}`, what });
  if (tlsSkipVerify) {
    if (url.startsWith("http:")) {
      refuse("tls_skip_verify", "has no effect without TLS; expected a url with https://");
    }
    if (name !== undefined) refuse("ca", "has no effect with tls_skip_verify; keep one of them");
    if (proxy !== undefined) {
      refuse("tls_skip_verify", `has no effect through a proxy; ${WITHOUT_PROXY} set a ca`);
    }
  } else if (isSelfSigned && proxy !== undefined) {
    const what = "holds the server's own certificate, which can't be checked through a proxy";
    refuse("ca", `${what}; ${WITHOUT_PROXY} use the CA that signed it`);
  }
  return {
    ...(ca !== undefined && { ca }),
    ...(isSelfSigned && { isSelfSigned }),
    ...(tlsSkipVerify && { tlsSkipVerify }),
  };
}

const WITHOUT_PROXY = `set proxy = "${DIRECTLY}" for this server, or`;

/** Returns a warning for each server, or source of servers, whose certificate is not verified. */
export function warningsOfTrust(
  { servers, discovery }: Pick<Config, "servers" | "discovery">,
): Diagnostic[] {
  return [
    ...servers.map(({ name, tlsSkipVerify }, index) => ({
      at: `servers.servers[${index}]`,
      whose: `the certificate of ${name} is`,
      tlsSkipVerify,
    })),
    ...discovery.map(({ name, defaults }, index) => ({
      at: `discovery[${index}].defaults`,
      whose: `the certificates of the servers of ${name} are`,
      tlsSkipVerify: defaults.tlsSkipVerify,
    })),
  ].filter(({ tlsSkipVerify }) => tlsSkipVerify).map(({ at, whose }) => ({
    where: `${at}.tls_skip_verify`,
    what: `${whose} not checked: anyone who can intercept the connections can read and change ` +
      "all traffic, including keys",
  }));
}

/** Returns the client certificate to present to a server, if any. */
export function clientCertificateIn(
  server: RawDefaults,
  at: string,
  outside: References,
  problems: Diagnostic[],
): ServerConfig["clientCertificate"] {
  const { client_cert, client_key } = server;
  if ((client_cert === undefined) !== (client_key === undefined)) {
    const [missing, other] = client_cert === undefined
      ? ["client_cert", "client_key"]
      : ["client_key", "client_cert"];
    problems.push({ where: `${at}.${missing}`, what: `expected a file, since ${other} is set` });
  }
  const before = problems.length;
  const cert = certificatesIn(client_cert, `${at}.client_cert`, outside, problems);
  const key = readReferences(client_key, `${at}.client_key`, outside, problems);
  if (cert === undefined || key === undefined || problems.length > before) return undefined;
  if (arePair(cert, key)) return { cert, key };
  const what = `expected the private key of client_cert, in PEM, in ${shown(client_key)}`;
  problems.push({ where: `${at}.client_key`, what });
  return undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Whether a text is one or several certificates in PEM. Checked because an invalid one would
 * otherwise only fail at the first connection.
 */
export function areCertificates(pem: string): boolean {
  return certificatesOf(pem).length > 0;
}

/** Returns an empty list if any certificate is malformed. */
function certificatesOf(pem: string): X509Certificate[] {
  try {
    return (pem.match(CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
  } catch {
    return [];
  }
}

/** Whether one of the certificates is a CA certificate issued for the host of the URL. */
export function isAuthorityFor(url: string, pem: string): boolean {
  if (!url.startsWith("https:")) return false;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return certificatesOf(pem).some((certificate) =>
    certificate.ca && checkServerIdentity(host, certificate.toLegacyObject()) === undefined
  );
}

function arePair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
